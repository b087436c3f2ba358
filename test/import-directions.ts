/**
 * Which folder may import which, checked by `check-imports.ts`: for each parent folder, its folders (and the files directly
 * in it), each with those beside it that it may import. Tests, fixtures and benchmarks may import anything.
 */
export const directions: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  // cli, infra, local → jobs → training | inference → images, models → environment, errors
  '.': {
    cli: ['infra', 'local', 'jobs', 'training', 'inference', 'images', 'models', 'environment', 'errors', 'setup'],
    infra: ['training', 'inference', 'images', 'models', 'environment', 'errors'],
    local: ['jobs', 'training', 'images', 'models', 'environment', 'errors', 'setup'],
    jobs: ['training', 'inference', 'images', 'models', 'environment', 'errors', 'setup'],
    training: ['images', 'models', 'environment', 'errors', 'setup'],
    inference: ['images', 'models', 'environment', 'errors'],
    images: ['environment', 'errors'],
    models: ['environment', 'errors'],
    environment: ['errors', 'setup'],
    errors: [],
    setup: [],
  },
  // main → command → kinds → one file a kind
  jobs: {
    'main.ts': ['shards-command.ts'],
    'shards-command.ts': ['check-code.ts', 'kinds.ts', 'run-shards.ts'],
    'run-shards.ts': ['shard-context.ts'],
    'kinds.ts': ['train-shard.ts', 'classify-shard.ts', 'merge-answers.ts', 'shard-context.ts'],
    'train-shard.ts': ['shard-context.ts'],
    'classify-shard.ts': ['bulk', 'pictures', 'shard-context.ts'],
    'merge-answers.ts': ['bulk'],
    'check-code.ts': ['sources.mjs'],
    'bundle.mjs': ['sources.mjs'],
    bulk: ['pictures'],
    pictures: [],
  },
  // commands → run → record → evaluation → engine, export → recipe → nets, datasets → data → random
  training: {
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
