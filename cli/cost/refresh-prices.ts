import { Readable } from 'node:stream';
import { UserError } from '#errors/user-error.ts';
import { readPriceList } from './price-list.ts';
import type prices from './prices.json';

type Prices = typeof prices;

/** Where a price is in AWS's price list, and how many of its units make one of ours. */
interface Listing {
  /** AWS's code of the service. */
  readonly service: string;
  /** The usage type, without the region. */
  readonly usage: string;
  /** @default 1 */
  readonly times?: number;
}

type Listed = Exclude<keyof Prices, 'region' | 'note'>;

const cloudWatch = 'AmazonCloudWatch';
const MILLION = 1e6;
/** A serverless endpoint is paid for by the second of its size. */
const SAGEMAKER_SIZE = 2;

/** Of each price of `prices.json` but those of instances. */
const listings: { readonly [Key in Exclude<Listed, 'instances'>]: Readonly<Record<string, Listing>> } = {
  lambda: {
    gigabyteSecond: { service: 'AWSLambda', usage: 'Lambda-GB-Second-ARM' },
    millionRequests: { service: 'AWSLambda', usage: 'Request-ARM', times: MILLION },
  },
  apiGateway: {
    millionRequests: { service: 'AmazonApiGateway', usage: 'ApiGatewayRequest', times: MILLION },
    millionHttpRequests: { service: 'AmazonApiGateway', usage: 'ApiGatewayHttpRequest', times: MILLION },
  },
  logs: {
    gigabyte: { service: cloudWatch, usage: 'DataProcessing-Bytes' },
    keptGigabyteMonth: { service: cloudWatch, usage: 'TimedStorage-ByteHrs' },
  },
  metrics: { metricMonth: { service: cloudWatch, usage: 'CW:MetricMonitorUsage' } },
  alarms: { alarmMonth: { service: cloudWatch, usage: 'CW:AlarmMonitorUsage' } },
  dashboards: { dashboardMonth: { service: cloudWatch, usage: 'DashboardsUsageHour-Basic' } },
  storage: { gigabyteMonth: { service: 'AmazonS3', usage: 'TimedStorage-ByteHrs' } },
  imageRegistry: { gigabyteMonth: { service: 'AmazonECR', usage: 'TimedStorage-ByteHrs' } },
  transferOut: { gigabyte: { service: 'AWSDataTransfer', usage: 'DataTransfer-Out-Bytes' } },
  sagemakerServerless: {
    gigabyteSecond: {
      ...{ service: 'AmazonSageMaker', usage: `ServerlessInf:Mem-${SAGEMAKER_SIZE}GB`, times: 1 / SAGEMAKER_SIZE },
    },
    gigabyteInOrOut: { service: 'AmazonSageMaker', usage: 'Hst:Data-Bytes-Out' },
  },
  disk: { gigabyteMonth: { service: 'AmazonEC2', usage: 'EBS:VolumeUsage.gp3' } },
  publicAddress: { hour: { service: 'AmazonVPC', usage: 'PublicIPv4:InUseAddress' } },
};

export interface RefreshedPrices {
  readonly prices: Prices;
  /** Each price that was read, such as `lambda.gigabyteSecond`, with what it was before. */
  readonly changes: readonly { readonly price: string; readonly before: number; readonly now: number }[];
  /** Prices that the lists lack; they stay as they were, with their date. */
  readonly missing: readonly string[];
}

/**
 * Reads the prices of a region anew from AWS's price list, which takes no credentials. A group of prices gets the day of its list, if
 * all of them are there.
 *
 * @param address of the lists. @default AWS's
 * @throws {InvalidPriceList} a list has another form, region or currency
 * @throws {UserError} a list cannot be fetched, or breaks off
 * @see https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-the-aws-price-list-bulk-api.html
 */
export async function refreshPrices(
  prices: Prices,
  { address = 'https://pricing.us-east-1.amazonaws.com' }: { readonly address?: string } = {},
): Promise<RefreshedPrices> {
  const { region } = prices;
  const wanted = [...places(prices)];
  const services = [...new Set(wanted.map(({ listing }) => listing.service))];
  const lists = new Map<string, Awaited<ReturnType<typeof readPriceList>>>();
  for (const service of services) {
    const uses = new Set(wanted.flatMap(({ listing }) => (listing.service === service ? listing.usage : [])));
    const url = `${address}/offers/v1.0/aws/${service}/current/${region}/index.csv`;
    lists.set(service, await readPriceList(linesOf(url), { service, region, uses }));
  }
  const refreshed = structuredClone(prices);
  const changes: { price: string; before: number; now: number }[] = [];
  const missing: string[] = [];
  for (const { group, name, listing } of wanted) {
    const { prices: listed, publishedOn } = lists.get(listing.service)!;
    const dollars = listed.get(listing.usage);
    const price = `${group}.${name}`;
    if (dollars === undefined) {
      missing.push(price);
      continue;
    }
    const into = membersOf(refreshed, group);
    const now = Number((dollars * (listing.times ?? 1)).toPrecision(10));
    changes.push({ price, before: into[name]!, now });
    into[name] = now;
    const isWhole = wanted.every((each) => each.group !== group || listed.has(each.listing.usage));
    if (isWhole) refreshed[group].asOf = publishedOn;
  }
  return { prices: refreshed, changes, missing };
}

interface Place {
  readonly group: Listed;
  readonly name: string;
  readonly listing: Listing;
}

function* places(prices: Prices): Generator<Place> {
  for (const [group, members] of Object.entries(listings)) {
    for (const [name, listing] of Object.entries(members)) yield { group: group as Listed, name, listing };
  }
  for (const name of Object.keys(prices.instances.hour)) {
    yield { group: 'instances', name, listing: { service: 'AmazonEC2', usage: `BoxUsage:${name}` } };
  }
}

/** The prices of a group, by name. */
function membersOf(prices: Prices, group: Listed): Record<string, number> {
  const members: unknown = group === 'instances' ? prices.instances.hour : prices[group];
  return members as Record<string, number>;
}

/** Reads no further than it is asked for. */
async function* linesOf(url: string): AsyncGenerator<string> {
  const answer = await fetch(url).catch((cause: unknown) => {
    throw new UserError(`${url} cannot be reached. AWS's price list takes no credentials, but a network.`, { cause });
  });
  if (!answer.ok || answer.body === null) {
    throw new UserError(`${url} answers ${answer.status}. Look whether AWS still publishes the list there.`);
  }
  let rest = '';
  try {
    for await (const text of Readable.fromWeb(answer.body).setEncoding('utf8')) {
      const lines = `${rest}${text}`.split(/\r?\n/);
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch (cause) {
    throw new UserError(`${url} broke off. Run "npm run prices" again.`, { cause });
  }
  if (rest !== '') yield rest;
}
