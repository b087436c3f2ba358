/**
 * Which folder may import which, checked by `check-imports.ts`: for each parent folder, its folders (and the files directly
 * in it), each with those beside it that it may import. Tests, fixtures and benchmarks may import anything.
 */
export const directions: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  // cli, infra, local → jobs → training | inference → images, models → environment, errors
  '.': {
    cli: ['infra', 'local', 'jobs', 'training', 'inference', 'images', 'models', 'environment', 'errors', 'setup'],
    infra: ['training', 'inference', 'images', 'models', 'environment', 'errors'],
    local: ['training', 'images', 'models', 'environment', 'errors', 'setup'],
    jobs: ['training', 'inference', 'images', 'models', 'environment', 'errors'],
    training: ['images', 'models', 'environment', 'errors', 'setup'],
    inference: ['images', 'models', 'environment', 'errors'],
    images: ['environment', 'errors'],
    models: ['environment', 'errors'],
    environment: ['errors', 'setup'],
    errors: [],
    setup: [],
  },
  // commands → run → record → evaluation → engine, export → recipe → nets, datasets → data → random
  training: {
    'main.ts': ['commands'],
    commands: ['run', 'record', 'evaluation', 'engine', 'export', 'recipe', 'nets', 'datasets', 'data', 'random'],
    run: ['record', 'evaluation', 'engine', 'export', 'recipe', 'nets', 'datasets', 'data', 'random'],
    record: ['evaluation', 'recipe', 'nets', 'datasets', 'data', 'random', 'protobuf'],
    evaluation: ['engine', 'nets', 'datasets', 'data'],
    engine: ['recipe', 'nets', 'data', 'random', 'protobuf'],
    export: ['nets', 'protobuf'],
    recipe: ['nets', 'data'],
    nets: ['data', 'random'],
    datasets: ['data', 'random'],
    data: ['random'],
    random: [],
    protobuf: [],
  },
  // app → routes, openapi, page → http → serving → engine, telemetry
  inference: {
    'server.ts': ['app.ts', 'page', 'http', 'serving', 'telemetry'],
    'classify.lambda.ts': ['app.ts', 'page', 'http', 'serving', 'telemetry'],
    'app.ts': ['page', 'openapi', 'routes', 'http', 'serving', 'telemetry'],
    page: ['client', 'http', 'serving', 'telemetry'],
    client: ['openapi'],
    openapi: ['routes', 'http'],
    routes: ['http', 'serving', 'telemetry'],
    http: ['serving', 'telemetry'],
    serving: ['engine', 'telemetry'],
    engine: [],
    telemetry: [],
  },
};
