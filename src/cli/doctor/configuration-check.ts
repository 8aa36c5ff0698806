import path from 'node:path';
import { formatProblem, type Config } from '../../config/index.ts';
import { HOW_TO_CALL, needsTokenFile } from '../../server/api-access.ts';
import { findingsOf, type Check, type Finding } from './finding.ts';
import type { Surroundings } from './surroundings.ts';

const say = findingsOf('configuration');

/** What is wrong with the configuration, and what is odd about it. */
export const checkConfiguration: Check = ({ source, loaded, problems, around }) => {
  if (loaded === undefined) {
    return Promise.resolve([
      ...problems.map((problem) => say.error(problem)),
      say.note(
        'all other checks look at the defaults',
        "mend the configuration first; 'srs -t -c FILE' checks it",
      ),
    ]);
  }
  return Promise.resolve([
    say.ok(`${source} can be used`),
    ...loaded.warnings.map((warning) => say.warning(formatProblem(warning))),
    ...checkApi(loaded.config, around),
  ]);
};

/** The API of SRS is open: who comes from there wants to know. */
function checkApi(config: Config, { cwd }: Surroundings): readonly Finding[] {
  if (!needsTokenFile(config)) return [];
  const file = path.resolve(cwd, config.workDir, config.httpApi.auth.tokenFile);
  return [say.note(`the HTTP API asks for credentials; tokens are in ${file}`, HOW_TO_CALL)];
}
