// Checks what no other program here can: the Dockerfile by its linter, the manifests against Kubernetes' own schema.
//   node packaging/lint/lint.mjs dockerfile FILE | kubernetes FILE… | yaml FILE
// Prints one line per problem and ends with 1 when there is one. `yaml` prints the file as JSON.
import { readFileSync } from 'node:fs';
import { validate as lintDockerfile } from 'dockerfile-utils';
import { ConfigMap, Service } from 'kubernetes-models/v1';
import { Deployment } from 'kubernetes-models/apps/v1';
import { parseAllDocuments } from 'yaml';

/** The kinds that packaging/kubernetes has, by `apiVersion/kind`. */
const KINDS = { 'v1/ConfigMap': ConfigMap, 'v1/Service': Service, 'apps/v1/Deployment': Deployment };

const problems = [];
const [what, ...files] = process.argv.slice(2);

/** The documents of a YAML file; what does not parse, or is a duplicate key, is a problem. */
function documents(file) {
  const parsed = parseAllDocuments(readFileSync(file, 'utf8'), { strict: true, uniqueKeys: true });
  for (const document of parsed) {
    for (const error of [...document.errors, ...document.warnings])
      problems.push(`${file}: ${error.message}`);
  }
  return parsed.map((document) => document.toJS());
}

/**
 * The value with a record of what was asked of it. The schema's validator accepts names that it does not know, as Kubernetes'
 * does by default; but it never looks at them, and so a misspelt name can be told from a good one.
 */
function watched(value, path, unseen) {
  if (typeof value !== 'object' || value === null) return value;
  const children = new Map();
  for (const key of Object.keys(value)) {
    const name = Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`;
    children.set(key, watched(value[key], name, unseen));
    unseen.add(name);
  }
  return new Proxy(value, {
    get(target, key, receiver) {
      if (!children.has(key)) return Reflect.get(target, key, receiver);
      unseen.delete(Array.isArray(target) ? `${path}[${key}]` : `${path}.${key}`);
      return children.get(key);
    },
  });
}

function checkManifest(file, manifest) {
  const kind = `${manifest?.apiVersion}/${manifest?.kind}`;
  const Model = KINDS[kind];
  const name = `${file}: ${kind} ${manifest?.metadata?.name}`;
  if (Model === undefined) {
    problems.push(`${name}: not a kind that is known here`);
    return;
  }
  const unseen = new Set();
  const model = new Model(manifest);
  // The constructor reads the outermost names; what matters is what the validator reads.
  for (const key of Object.keys(manifest)) model[key] = watched(manifest[key], key, unseen);
  try {
    model.validate();
  } catch (error) {
    problems.push(`${name}: ${error.message}`);
  }
  const known = new Set([...Object.keys(new Model()), 'metadata', 'spec', 'data']);
  for (const key of Object.keys(manifest)) {
    if (!known.has(key)) problems.push(`${name}: ${key} is not a name that Kubernetes knows`);
  }
  for (const path of unseen) {
    if (!path.startsWith('metadata.')) problems.push(`${name}: ${path} is not a name that Kubernetes knows`);
  }
}

switch (what) {
  case 'dockerfile':
    for (const file of files) {
      for (const { range, message } of lintDockerfile(readFileSync(file, 'utf8'))) {
        problems.push(`${file}:${range.start.line + 1}: ${message}`);
      }
    }
    break;
  case 'kubernetes':
    for (const file of files) for (const manifest of documents(file)) checkManifest(file, manifest);
    break;
  case 'yaml':
    console.log(JSON.stringify(files.flatMap(documents)));
    break;
  default:
    problems.push(`what to check: dockerfile, kubernetes or yaml, not ${what}`);
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
