// `npm run build`: dist/ (the server) and console/dist/ (the page), each only when its sources changed.
import { buildPage, buildServer, installDependencies, requireNode } from './lib.mjs';

requireNode();
installDependencies();
buildServer();
buildPage();
