import type prices from './prices.json';

type Prices = typeof prices;

/** The memory of the stack's function, in MiB. */
export const FUNCTION_MEMORY = 1769;

/** What the endpoint does in a month. */
export interface Serving {
  /** Classifications a month, each a request with one picture. */
  readonly requests: number;
  /** Billed time of a warm request; Lambda bills whole milliseconds. */
  readonly milliseconds: number;
  /** Share of requests that find no process, in [0, 1]. */
  readonly coldShare: number;
  /** Total time of a cold request, INIT included. */
  readonly coldMilliseconds: number;
  /** Megabytes of a process: Lambda's memory size. */
  readonly memory: number;
  /** Bytes of a request, of an answer, and of what the log keeps of both. */
  readonly requestBytes: number;
  readonly answerBytes: number;
  readonly logBytes: number;
  /** EC2's name of the instance that is always on. */
  readonly instance: string;
}

/** Dollars for a million classifications, and what they are made of. */
export interface ServingCost {
  readonly name: string;
  readonly dollars: number;
  /** What the sum leaves out. */
  readonly without?: string;
  readonly parts: Readonly<Record<string, number>>;
}

const MILLION = 1e6;
const GIGABYTE = 2 ** 30;
/** Hours in a month, as AWS's price examples count them. */
const HOURS = 730;
const DISK_GIGABYTES = 8;
/** The sizes of a serverless endpoint of SageMaker. */
const SAGEMAKER_GIGABYTES = [1, 2, 3, 4, 5, 6];

/** Our stack; its function behind a cheaper door; one instance that is always on; a SageMaker serverless endpoint. */
export function servingCosts(serving: Serving, prices: Prices): ServingCost[] {
  const shared = {
    'answers to the Internet': gigabytes(serving.answerBytes) * prices.transferOut.gigabyte,
    logs: gigabytes(serving.logBytes) * prices.logs.gigabyte,
  };
  const { millionRequests, millionHttpRequests } = prices.apiGateway;
  return [
    costOf('API Gateway and Lambda', { 'API Gateway': millionRequests, ...lambda(serving, prices), ...shared }),
    {
      // @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-vs-rest.html
      ...costOf('HTTP API and Lambda', { 'HTTP API': millionHttpRequests, ...lambda(serving, prices), ...shared }),
      without: 'API keys, quotas and throttling by key, and checks of a request before it reaches the function',
    },
    {
      // @see https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html
      ...costOf('Lambda function URL', { ...lambda(serving, prices), ...shared }),
      without:
        'keys, quotas and throttling: whoever knows the address may call it, or else every caller signs with IAM',
    },
    {
      ...costOf(`one ${serving.instance}, always on`, { ...instance(serving, prices), ...shared }),
      without: 'a gateway, keys and throttling in front, and a second one for when it fails',
    },
    {
      // Its limits are those of ProductionVariantServerlessConfig in SageMaker's interface.
      ...costOf('SageMaker serverless endpoint', { ...sagemaker(serving, prices), ...shared }),
      without:
        'a gateway, keys and throttling in front, and cold starts: what they take was not measured. ' +
        'It has at most 6 GB of memory, and answers at most 200 requests at once',
    },
  ];
}

function lambda({ milliseconds, coldShare, coldMilliseconds, memory }: Serving, prices: Prices) {
  const billed = (1 - coldShare) * Math.ceil(milliseconds) + coldShare * Math.ceil(coldMilliseconds);
  return {
    'Lambda requests': prices.lambda.millionRequests,
    'Lambda time': MILLION * (billed / 1000) * (memory / 1024) * prices.lambda.gigabyteSecond,
  };
}

function instance({ instance, requests }: Serving, prices: Prices) {
  const months = MILLION / requests;
  return {
    instance: HOURS * hourOf(instance, prices) * months,
    disk: DISK_GIGABYTES * prices.disk.gigabyteMonth * months,
    address: HOURS * prices.publicAddress.hour * months,
  };
}

function sagemaker({ milliseconds, memory, requestBytes, answerBytes }: Serving, prices: Prices) {
  const { gigabyteSecond, gigabyteInOrOut } = prices.sagemakerServerless;
  const size = SAGEMAKER_GIGABYTES.find((each) => each * 1024 >= memory) ?? SAGEMAKER_GIGABYTES.at(-1)!;
  return {
    time: MILLION * (Math.ceil(milliseconds) / 1000) * size * gigabyteSecond,
    'data in and out': gigabytes(requestBytes + answerBytes) * gigabyteInOrOut,
  };
}

/** The traffic of a million requests, in gigabytes. */
function gigabytes(bytes: number): number {
  return (MILLION * bytes) / GIGABYTE;
}

function costOf(name: string, parts: Readonly<Record<string, number>>): ServingCost {
  return { name, dollars: Object.values(parts).reduce((sum, part) => sum + part, 0), parts };
}

/** Dollars an hour, on demand. */
export function hourOf(instance: string, prices: Prices): number {
  return prices.instances.hour[instance as keyof Prices['instances']['hour']];
}
