/**
 * The environment variables that this project reads or sets, under the names that the code uses for them. What only LocalStack,
 * CDK or an AWS SDK reads stands where that process is started; what `setup/` reads stands there, since it runs before
 * anything is installed.
 */
export const variable = {
  /** The folder of everything that a clone makes: models, LocalStack's state, spooled checkpoints. @default `.cifar10` in the clone */
  home: 'CIFAR10_HOME',
  /** The model store, a folder or `s3://<bucket>`; the stack sets it for jobs and for the Lambda. @default `store` in the home folder */
  store: 'CIFAR10_STORE',
  /** The alias of the model that the Lambda serves. */
  alias: 'CIFAR10_ALIAS',
  /** Web origins that may call the Lambda's endpoint, separated by spaces or commas. @default none */
  origins: 'CIFAR10_ORIGINS',
  /** The CloudWatch namespace of the Lambda's metrics. @default `Cifar10` */
  metrics: 'CIFAR10_METRICS',
  /** The key that the command line sends to an endpoint given by its address. @default no key */
  apiKey: 'CIFAR10_API_KEY',
  /** What a training job computes on, `gpu` or `cpu`; the stack sets it for jobs. @default a GPU if there is one */
  device: 'CIFAR10_DEVICE',
  /** For the function that moves reclaimed jobs: pairs `<ARN of a queue>=<ARN of its on-demand queue>`, separated by spaces. */
  onDemandQueues: 'CIFAR10_ON_DEMAND_QUEUES',
  /** For the function that tells of failed jobs: the ARNs of the queues whose reclaimed jobs resume on demand, separated by spaces. */
  spotQueues: 'CIFAR10_SPOT_QUEUES',
  /** For the same: the ARN of the topic that it tells. */
  noticeTopic: 'CIFAR10_NOTICE_TOPIC',
  /** For the same: the log group of jobs. */
  jobLogGroup: 'CIFAR10_JOB_LOG_GROUP',
  /** For the same: the options of commands about the stack, such as `--target aws --stage prod`. */
  commandOptions: 'CIFAR10_COMMAND_OPTIONS',
  /** For the function that counts jobs: the ARNs of the queues, separated by spaces. */
  queues: 'CIFAR10_QUEUES',
  /** The commit that a training image was built from. @default what `git describe` finds */
  commit: 'CIFAR10_COMMIT',

  // For the plugin in LocalStack: local/plugin/cifar10_local/settings.py reads them.
  /** The folder of the instance. */
  localFolder: 'CIFAR10_LOCAL_FOLDER',
  /** The folder where LocalStack's index of plugins is cached. */
  localCache: 'CIFAR10_LOCAL_CACHE',
  /** A file that says which command stands for which container image. */
  localImages: 'CIFAR10_LOCAL_IMAGES',
  /** The Node executable that runs functions. */
  localNode: 'CIFAR10_LOCAL_NODE',
  /** A file descriptor: the instance ends when it is closed. @default the instance outlives its parent */
  localLease: 'CIFAR10_LOCAL_LEASE',
  /** The folder that keeps the model bucket beyond LocalStack's end. @default none */
  localStore: 'CIFAR10_LOCAL_STORE',
  /** `1`: delete the folder when the instance ends. @default keep it */
  localEphemeral: 'CIFAR10_LOCAL_EPHEMERAL',
  /** The shortest timeout of a Batch attempt, in seconds. @default 60 */
  localBatchMinimumTimeout: 'CIFAR10_LOCAL_BATCH_MINIMUM_TIMEOUT',
  /** Seconds between SIGTERM and SIGKILL when a Batch job is ended. @default 30 */
  localBatchStopGrace: 'CIFAR10_LOCAL_BATCH_STOP_GRACE',

  // Set by AWS.
  /** The id of the Batch job that this process is. */
  jobId: 'AWS_BATCH_JOB_ID',
  /** Which child of an array job this process is, from 0. */
  arrayIndex: 'AWS_BATCH_JOB_ARRAY_INDEX',
  /** The memory of the Lambda, in MiB. */
  functionMemory: 'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',

  // Read by TensorFlow, and by CUDA, as they are loaded.
  /** `1`: use oneDNN's kernels. */
  oneDnn: 'TF_ENABLE_ONEDNN_OPTS',
  /** Threads of one kernel. */
  threads: 'TF_NUM_INTRAOP_THREADS',
  /** The same for programs that use OpenMP; it counts where the one above is not set. @default the processor's cores */
  openMpThreads: 'OMP_NUM_THREADS',
  /** `true`: take GPU memory as it is needed, not all of it at the start. */
  gpuGrowth: 'TF_FORCE_GPU_ALLOW_GROWTH',
  /** `1`: log warnings and errors, `2`: errors only. */
  logLevel: 'TF_CPP_MIN_LOG_LEVEL',
  /** Files whose detailed messages are logged, `<file>=<level>`, separated by commas. */
  logDetails: 'TF_CPP_VMODULE',
  /** Read by CUDA: numbers of the GPUs that may be used; `-1`: none. @default all */
  visibleGpus: 'CUDA_VISIBLE_DEVICES',

  // Read by the AWS SDK.
  /** The address of its services, if they are not AWS's own. */
  endpoint: 'AWS_ENDPOINT_URL',
  /** `true`: the EC2 instance's metadata are not asked for anything. */
  metadataDisabled: 'AWS_EC2_METADATA_DISABLED',
  /** The address of the EC2 instance's metadata. @default http://169.254.169.254 */
  metadataEndpoint: 'AWS_EC2_METADATA_SERVICE_ENDPOINT',
  /** `true`: no warning about the end of support for Node 20. */
  nodeSupportWarning: 'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED',
} as const;
