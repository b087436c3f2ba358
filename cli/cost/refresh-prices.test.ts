/**
 * AWS's price lists, from a server on this machine. `ec2-price-list.csv` has the columns of the list of EC2 of 2025-09-12, and the others
 * the columns that all lists have. Their rows are written by hand, with prices of no list.
 *
 * @see https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-service-price-list-file-for-services.html
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import prices from './prices.json' with { type: 'json' };
import { refreshPrices } from './refresh-prices.ts';

const columns =
  'SKU,OfferTermCode,RateCode,TermType,PriceDescription,EffectiveDate,StartingRange,EndingRange,Unit,PricePerUnit,Currency,Product Family,serviceCode,Location,Location Type,Group,Group Description,usageType,operation,Region Code,serviceName';

interface ListedPrice {
  readonly usage: string;
  readonly dollars: string;
  readonly from?: string;
  readonly operation?: string;
  readonly region?: string;
  readonly currency?: string;
}

/** A list of a service as AWS publishes it, on 2026-11-21. */
function listOf(service: string, rows: readonly ListedPrice[]): string {
  const lines = [
    ['FormatVersion', 'v1.0'],
    [
      'Disclaimer',
      'This pricing list is for informational purposes only. All prices are subject to "terms", and more.',
    ],
    ['Publication Date', '2026-11-21T12:44:08Z'],
    ['Version', '20261121124408'],
    ['OfferCode', service],
    columns.split(','),
    ...rows.map(({ usage, dollars, from = '0', operation = '', region = 'us-east-1', currency = 'USD' }, row) => {
      const sku = `SKU${row}`;
      const terms = [sku, 'JRTCKXETXF', `${sku}.JRTCKXETXF.${row}`, 'OnDemand', `$${dollars}, or so`, '2026-11-01'];
      const product = ['', service, 'US East (N. Virginia)', 'AWS Region', '', '', usage, operation, region, service];
      return [...terms, from, 'Inf', 'Units', dollars, currency, ...product];
    }),
  ];
  const quoted = (field: string) => (field === '' ? '' : `"${field.replaceAll('"', '""')}"`);
  return lines.map((fields) => `${fields.map(quoted).join(',')}\r\n`).join('');
}

const published: Readonly<Record<string, readonly ListedPrice[]>> = {
  AWSLambda: [
    { usage: 'Lambda-GB-Second-ARM', dollars: '0.0000120001', from: '7500000000' },
    { usage: 'Lambda-GB-Second-ARM', dollars: '0.0000140000' },
    { usage: 'Global-Lambda-GB-Second-ARM', dollars: '0.0000000000', region: '' },
    { usage: 'Lambda-GB-Second', dollars: '0.0000166667' },
    { usage: 'Request-ARM', dollars: '0.0000002000' },
  ],
  AmazonApiGateway: [
    { usage: 'USE1-ApiGatewayHttpRequest', dollars: '0.0000009000', from: '300000000' },
    { usage: 'USE1-ApiGatewayHttpRequest', dollars: '0.0000011000' },
    { usage: 'USE1-ApiGatewayRequest', dollars: '0.0000035000' },
  ],
  AmazonCloudWatch: [
    { usage: 'DataProcessing-Bytes', dollars: '0.5000000000', operation: 'PutLogEvents' },
    { usage: 'TimedStorage-ByteHrs', dollars: '0.0300000000' },
    { usage: 'CW:MetricMonitorUsage', dollars: '0.3100000000' },
    { usage: 'CW:MetricMonitorUsage', dollars: '0.1000000000', from: '10000' },
    { usage: 'CW:AlarmMonitorUsage', dollars: '0.1000000000' },
    // Three are free, in every region alike.
    { usage: 'DashboardsUsageHour-Basic', dollars: '0.0000000000', region: '' },
    { usage: 'DashboardsUsageHour-Basic', dollars: '3.0000000000', from: '3', region: '' },
  ],
  AmazonS3: [
    { usage: 'TimedStorage-ByteHrs', dollars: '0.0220000000', from: '51200' },
    { usage: 'TimedStorage-ByteHrs', dollars: '0.0240000000' },
  ],
  AmazonECR: [{ usage: 'TimedStorage-ByteHrs', dollars: '0.1000000000' }],
  AWSDataTransfer: [
    { usage: 'DataTransfer-Out-Bytes', dollars: '0.0900000000' },
    { usage: 'USE1-USW2-AWS-Out-Bytes', dollars: '0.0200000000' },
  ],
  AmazonSageMaker: [{ usage: 'USE1-ServerlessInf:Mem-2GB', dollars: '0.0000420000' }],
  AmazonVPC: [
    { usage: 'USE1-PublicIPv4:InUseAddress', dollars: '0.0060000000' },
    { usage: 'USE1-PublicIPv4:IdleAddress', dollars: '0.0070000000' },
  ],
};

const BREAKS_OFF = 'breaks off';
let lists: Record<string, string>;
let asked: string[];
const server = createServer((request, response) => {
  asked.push(request.url!);
  const text = lists[request.url!.split('/').at(-4)!];
  if (text === BREAKS_OFF) response.write('"FormatVersion","v1.0"\n', () => response.destroy());
  else response.writeHead(text === undefined ? 404 : 200, { 'content-type': 'text/csv' }).end(text);
});
beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(() => new Promise((resolve) => server.close(resolve)));
beforeEach(async () => {
  asked = [];
  lists = Object.fromEntries(Object.entries(published).map(([service, rows]) => [service, listOf(service, rows)]));
  lists.AmazonEC2 = await readFile(new URL('ec2-price-list.csv', import.meta.url), 'utf8');
});

const refresh = () => refreshPrices(prices, { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });

it('reads each price from the list of its service, the first tier that is not free', async () => {
  const { prices: now } = await refresh();

  expect(now.lambda).toMatchObject({ asOf: '2026-11-21', gigabyteSecond: 0.000014, millionRequests: 0.2 });
  expect(now.apiGateway).toMatchObject({ millionRequests: 3.5, millionHttpRequests: 1.1 });
  expect([now.metrics.metricMonth, now.alarms.alarmMonth, now.dashboards.dashboardMonth]).toEqual([0.31, 0.1, 3]);
  expect(now.storage.gigabyteMonth).toBe(0.024);
  expect(now.publicAddress.hour).toBe(0.006);
  expect(now.disk).toMatchObject({ asOf: '2026-11-20', gigabyteMonth: 0.09 });
  // Linux, shared and on demand, of all rows of that type.
  expect(now.instances.hour['c7a.large']).toBe(0.11);
  expect(asked).toContain('/offers/v1.0/aws/AmazonEC2/current/us-east-1/index.csv');
  expect(asked).toHaveLength(9);
});

it('keeps what a list lacks, with its date and source, and says so', async () => {
  const { prices: now, missing, changes } = await refresh();

  expect(missing).toContain('instances.g6e.xlarge');
  expect(now.instances).toMatchObject({ asOf: prices.instances.asOf, source: prices.instances.source });
  expect(now.instances.hour['g6e.xlarge']).toBe(prices.instances.hour['g6e.xlarge']);
  expect(missing).toContain('sagemakerServerless.gigabyteInOrOut');
  expect(now.sagemakerServerless).toEqual({ ...prices.sagemakerServerless, gigabyteSecond: 0.000021 });
  expect(changes).toContainEqual({ price: 'storage.gigabyteMonth', before: prices.storage.gigabyteMonth, now: 0.024 });
  expect(changes.length + missing.length).toBe(16 + Object.keys(prices.instances.hour).length);
});

it.each([
  ['is not there', 'AmazonECR', undefined, /AmazonECR.*index\.csv answers 404/],
  ['breaks off', 'AmazonECR', BREAKS_OFF, /AmazonECR.*index\.csv broke off/],
  ['is of another service', 'AmazonECR', listOf('AmazonECS', []), /is of AmazonECS, not of AmazonECR/],
  ['is no price list', 'AmazonECR', '<html>\n', /AmazonECR has another form/],
  [
    'has other columns',
    'AmazonECR',
    listOf('AmazonECR', published.AmazonECR!).replace('usageType', 'use'),
    /usageType/,
  ],
  [
    'is of another region',
    'AmazonECR',
    listOf('AmazonECR', [{ ...published.AmazonECR![0]!, region: 'eu-west-1' }]),
    /of eu-west-1, not of us-east-1/,
  ],
  [
    'is in another currency',
    'AmazonECR',
    listOf('AmazonECR', [{ ...published.AmazonECR![0]!, currency: 'CNY' }]),
    /is in CNY, not USD/,
  ],
])('refuses a list that %s', async (_, service, text, message) => {
  if (text === undefined) delete lists[service];
  else lists[service] = text;

  await expect(refresh()).rejects.toThrow(message);
});

it('says that a network is needed where there is none', async () => {
  await expect(refreshPrices(prices, { address: 'http://127.0.0.1:1' })).rejects.toThrow(/cannot be reached/);
});
