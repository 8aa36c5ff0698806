// Which folder may import which (docs/architecture.md). A layer may always import itself.
const LAYERS = {
  base: '',
  media: 'base',
  containers: 'base|media',
  protocols: 'base|media|containers',
  net: 'base',
  storage: 'base',
  config: 'base',
  hub: 'base|media',
  observe: 'base|hub|storage',
  clients: 'base|media|containers|protocols|net',
  inputs: 'base|media|containers|protocols|net|storage|hub|clients',
  outputs: 'base|media|containers|protocols|net|storage|hub|clients',
  control: 'base|net|hub|observe',
  cluster: 'base|media|containers|protocols|net|storage|hub|clients|inputs|outputs',
  endpoints: 'base|media|containers|protocols|net|storage|hub|clients|inputs|outputs|control',
  cli: 'base|server|config|observe',
};

export default {
  forbidden: [
    ...Object.entries(LAYERS).map(([layer, may]) => ({
      name: `layer:${layer}`,
      severity: 'error',
      from: { path: `^src/${layer}/` },
      to: { path: '^src/', pathNot: `^src/(${[layer, may].filter(Boolean).join('|')})/` },
    })),
    {
      name: 'no-siblings',
      severity: 'error',
      from: { path: '^src/(inputs|outputs)/([^/]+)/' },
      to: { path: '^src/$1/', pathNot: '^src/$1/$2/' },
    },
    {
      name: 'front-door',
      severity: 'error',
      from: { path: '^src/([^/]+|[^/]+/[^/]+)/' },
      to: {
        path: '^src/(containers|protocols|inputs|outputs|clients)/[^/]+/',
        pathNot: ['^src/$1/', '/index[.]ts$'],
      },
    },
    {
      name: 'sans-io',
      severity: 'error',
      from: { path: '^src/(media|containers|protocols|hub)/' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(buffer|crypto|events|util)$' },
    },
    {
      name: 'io-only-in-net-and-storage',
      severity: 'error',
      from: { path: '^src/(inputs|outputs|endpoints|cluster|control|clients)/' },
      to: { dependencyTypes: ['core'], path: '^(node:)?(net|tls|dgram|http2|fs|fs/promises)$' },
    },
    { name: 'no-cycles', severity: 'error', from: { path: '^src/' }, to: { circular: true } },
    {
      name: 'nothing-imports-tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|scripts)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.mjs'] },
  },
};
