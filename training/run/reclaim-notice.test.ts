import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  instanceMetadataOnLoopback,
  type LoopbackMetadata,
  type MetadataState,
  reclaimNotice,
} from './instance-metadata.fixture.ts';
import { instanceMetadata, type ReclaimWatch, watchForReclaim } from './reclaim-notice.ts';

const LOOK = 'GET /latest/meta-data/spot/instance-action';
const TOKEN = 'PUT /latest/api/token';

describe('the watch for a reclaim', () => {
  let state: MetadataState;
  let metadata: LoopbackMetadata;
  let watch: ReclaimWatch | undefined;
  let emitted: Parameters<Parameters<typeof watchForReclaim>[0]['emit']>[0][];
  beforeEach(async () => {
    state = {};
    emitted = [];
    metadata = await instanceMetadataOnLoopback(state);
  });
  afterEach(async () => {
    watch?.close();
    await metadata[Symbol.asyncDispose]();
  });
  const open = (address: string | undefined = metadata.url) => {
    watch = watchForReclaim({ metadata: address, emit: (event) => void emitted.push(event), everySeconds: 0.005 });
    return watch;
  };
  const untilAsked = (times: number) => expect.poll(() => metadata.requests.length).toBeGreaterThan(times);
  const untilTokens = (times: number) =>
    expect.poll(() => metadata.requests.filter((request) => request === TOKEN)).toHaveLength(times);
  const untilTold = () => expect.poll(() => emitted).toHaveLength(1);

  test('looks with one token until the notice is there; then a checkpoint is due at once, and nothing more is asked', async () => {
    const { isCheckpointDue } = open();
    await untilAsked(4);
    expect(metadata.requests.slice(0, 4)).toEqual([TOKEN, LOOK, LOOK, LOOK]);
    expect(isCheckpointDue()).toBe(false);
    expect(emitted).toEqual([]);

    state.notice = reclaimNotice();
    await untilTold();
    expect(emitted).toEqual([{ type: 'reclaimed', ...JSON.parse(state.notice) }]);
    expect([isCheckpointDue(), isCheckpointDue()]).toEqual([true, false]);
    const asked = metadata.requests.length;
    await sleep(50);
    expect(metadata.requests).toHaveLength(asked);
  });

  test('asks for a last checkpoint half a minute before the instance goes', async () => {
    state.notice = reclaimNotice(32);
    const { isCheckpointDue } = open();
    await untilTold();
    expect([isCheckpointDue(), isCheckpointDue()]).toEqual([true, false]);
    await expect.poll(isCheckpointDue).toBe(true);
    expect(isCheckpointDue()).toBe(false);
  });

  test('asks for one checkpoint where less time is left', async () => {
    state.notice = reclaimNotice(10);
    const { isCheckpointDue } = open();
    await untilTold();
    expect([isCheckpointDue(), isCheckpointDue()]).toEqual([true, false]);
  });

  test('takes a new token when the old one has expired', async () => {
    open();
    await untilAsked(2);
    metadata.expireTokens();
    await untilTokens(2);
    state.notice = reclaimNotice();
    await untilTold();
    expect(emitted[0]).toMatchObject({ type: 'reclaimed' });
  });

  test('takes a new token a minute before the old one expires', async () => {
    open();
    await untilAsked(2);
    const now = performance.now.bind(performance);
    const sixHoursLater = vi.spyOn(performance, 'now').mockImplementation(() => now() + 1000 * (21_600 - 60));
    await untilTokens(2);
    sixHoursLater.mockRestore();
  });

  test.each([
    ['refuses a token, as where the metadata are switched off', { refusal: 403 }, /gives no token, and answers 403/],
    ['knows no tokens, as a proxy of version 1', { refusal: 405 }, /gives no token, and answers 405/],
    ['fails', { refusal: 503 }, /answers 503/],
    ['answers what is no notice', { notice: '<html>' }, /instance-action is malformed: it is not JSON/],
  ])('of a service that %s, says so once, and keeps looking', async (_, fault: MetadataState, message) => {
    Object.assign(state, fault);
    const { isCheckpointDue } = open();
    await untilAsked(4);
    expect(emitted).toEqual([{ type: 'warning', message: expect.stringMatching(message) }]);
    expect(isCheckpointDue()).toBe(false);

    Object.assign(state, { refusal: undefined, notice: reclaimNotice() });
    await expect.poll(() => emitted).toHaveLength(2);
    expect(emitted[1]).toMatchObject({ type: 'reclaimed' });
    expect(isCheckpointDue()).toBe(true);
  });

  test.each([
    ['http://127.0.0.1:1', /127\.0\.0\.1:1 does not tell whether EC2 takes this instance back \(.*ECONNREFUSED/],
    ['no address', /no address does not tell .* \(Invalid URL\)/],
  ])('says once that %s cannot be asked', async (address, message) => {
    open(address);
    await untilTold();
    await sleep(50);
    expect(emitted).toEqual([{ type: 'warning', message: expect.stringMatching(message) }]);
  });

  test('ends in the middle of a request, and says nothing of it', async () => {
    state.isSilent = true;
    const { close } = open();
    await untilAsked(0);
    close();
    await sleep(20);
    expect(emitted).toEqual([]);
    expect(metadata.requests).toEqual([TOKEN]);
  });
});

describe('the metadata are asked', () => {
  const job = { AWS_BATCH_JOB_ID: 'a' };
  test.each([
    ['in a Batch job', job, 'http://169.254.169.254'],
    ['where the environment says', { ...job, AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://a' }, 'http://a'],
    ['where they are not disabled', { ...job, AWS_EC2_METADATA_DISABLED: 'false' }, 'http://169.254.169.254'],
    ['in no other process', { AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://a' }, undefined],
    ['nowhere that they are disabled', { ...job, AWS_EC2_METADATA_DISABLED: 'true' }, undefined],
  ])('%s', (_, environment, address) => {
    expect(instanceMetadata(environment)).toBe(address);
  });
});
