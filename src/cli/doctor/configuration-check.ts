import { formatProblem } from '../../config/index.ts';
import { findingsOf, type Check } from './finding.ts';

const say = findingsOf('configuration');

/** What is wrong with the configuration, and what is odd about it. */
export const checkConfiguration: Check = ({ source, loaded, problems }) => {
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
  ]);
};
