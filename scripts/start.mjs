// `npm start`: installs and builds what is missing, then becomes the server with the demo configuration.
import process from 'node:process';
import { buildPage, buildServer, installDependencies, requireNode, ROOT } from './lib.mjs';

requireNode();
process.chdir(ROOT);
installDependencies();
buildServer();
buildPage();

const own = process.argv.slice(2);
process.argv = [process.argv[0], `${ROOT}/bin/srs`, ...(own.length > 0 ? own : ['-c', 'conf/demo.conf'])];
await import('../bin/srs');
