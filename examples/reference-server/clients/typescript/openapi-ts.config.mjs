export default {
  input: 'openapi.json',
  // Node wants the names of modules in full.
  output: { path: 'casino', module: { extension: '.js' }, tsConfigPath: null },
  plugins: ['@hey-api/client-fetch', '@hey-api/typescript', '@hey-api/sdk'],
};
