import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { localstackPython } from '#setup/localstack.mjs';
import { candidateTypes, chooseInstanceTypes, knownRegions, offeredIn } from './instance-types.ts';

/** Regions without an instance type of a GPU that TensorFlow supports, by the table. */
const withoutGpu = ['ap-east-2', 'ap-southeast-4', 'ap-southeast-6', 'ap-southeast-7', 'ca-west-1', 'mx-central-1'];

describe('chooseInstanceTypes', () => {
  it.each([
    ['us-east-1', 'g4dn.xlarge g5.xlarge g6.xlarge', 'c7a.large c7i.large m7a.large m7i.large'],
    ['eu-west-1', 'g4dn.xlarge g5.xlarge', 'c7a.large c7i.large m7a.large m7i.large'], // no g6
    ['ap-northeast-3', 'g4dn.xlarge g6e.xlarge', 'c7i.large m7i.large'],
    ['cn-north-1', 'g4dn.xlarge g5.xlarge', 'c6i.large m6i.large'], // no bfloat16
    ['mx-central-1', '', 'c7i.large m7i.large'],
  ])('takes in %s: %s; %s', (region, gpu, cpu) => {
    const chosen = chooseInstanceTypes(offeredIn(region)!);

    expect([chosen.gpu.join(' '), chosen.cpu.join(' ')]).toEqual([gpu, cpu]);
  });

  it('takes in every region only what it offers, one GPU type at least where it has one, and always one for CPU', () => {
    expect(knownRegions.length).toBeGreaterThanOrEqual(38);
    for (const region of knownRegions) {
      const offered = offeredIn(region)!;
      const { gpu, cpu } = chooseInstanceTypes(offered);

      expect([...gpu, ...cpu].filter((type) => !offered.has(type))).toEqual([]);
      expect(gpu.length > 0, region).toBe(!withoutGpu.includes(region));
      expect(cpu, region).not.toEqual([]);
    }
  });

  it('ignores types that it does not know', () => {
    expect(chooseInstanceTypes(new Set(['p3.2xlarge', 'g5g.xlarge', 't3.large']))).toEqual({ gpu: [], cpu: [] });
  });
});

describe('offeredIn', () => {
  it('has all that EC2 itself answered in the regions that moto recorded', () => {
    const folder = path.join(sitePackages(), 'moto/ec2/resources/instance_type_offerings/region');
    const recorded = readdirSync(folder).map((file) => file.replace('.json.gz', ''));
    expect(recorded.length).toBeGreaterThanOrEqual(30);

    for (const region of recorded) {
      const answer: readonly { InstanceType: string }[] = JSON.parse(
        gunzipSync(readFileSync(path.join(folder, `${region}.json.gz`))).toString(),
      );
      const types = answer.map(({ InstanceType }) => InstanceType).filter((type) => candidateTypes.includes(type));
      expect([...offeredIn(region)!], region).toEqual(expect.arrayContaining(types));
    }
  });

  it('does not know a region that is not in the table', () => {
    expect(offeredIn('eu-west-9')).toBeUndefined();
  });
});

describe('docs/aws.md', () => {
  it.each(['gpu', 'cpu'] as const)('has the types of each region: %s', (queue) => {
    const page = readFileSync(new URL('../../docs/aws.md', import.meta.url), 'utf8');
    const [, table = ''] = page.split(`| ${queue.toUpperCase()} types | regions |\n|---|---|\n`);
    const rows = [...table.split('\n\n')[0]!.matchAll(/^\| (.*) \| (.*) \|$/gm)].map(([, types, regions = '']) => ({
      types,
      regions: regions.split(', '),
    }));
    const others = rows.find(({ regions }) => regions.join() === 'all others but these')?.types;

    for (const region of knownRegions) {
      const families = chooseInstanceTypes(offeredIn(region)!)[queue].map((type) => type.split('.')[0]);
      const listed = rows.find(({ regions }) => regions.includes(region))?.types ?? others;
      expect(listed, region).toBe(families.join(', ') || 'none');
    }
  });
});

/** The packages of LocalStack's Python environment; moto is one of them. */
function sitePackages(): string {
  const lib = path.resolve(localstackPython()!, '../../lib');
  const [python = ''] = readdirSync(lib).filter((name) => name.startsWith('python3'));
  return path.join(lib, python, 'site-packages');
}
