import { describe, expect, it } from 'vitest';
import { knownRegions, offeredIn } from './instance-types.ts';
import { regionalSettings } from './region.ts';

describe('regionalSettings', () => {
  it('either takes types that a region offers or says which context to give, in every region', () => {
    for (const region of knownRegions) {
      const withoutGpu = regionalSettings(region, { gpu: 'none' });
      expect(withoutGpu).toMatchObject({ instanceTypes: { gpu: [] }, warnings: [] });
      if (![...offeredIn(region)!].some((type) => type.startsWith('g'))) {
        expect(() => regionalSettings(region)).toThrow(
          new RegExp(`^${region} offers no GPU type .*-c instanceTypes=none for a CPU queue only`),
        );
        continue;
      }
      const { instanceTypes, warnings } = regionalSettings(region);
      expect(instanceTypes.gpu, region).not.toEqual([]);
      expect(instanceTypes.cpu, region).toEqual(withoutGpu.instanceTypes.cpu);
      expect(warnings).toEqual([]);
    }
  });

  it('says what to give for a region that the table does not have, whose CPU types Batch chooses', () => {
    expect(() => regionalSettings('eu-west-9')).toThrow('-c instanceTypes="g5.xlarge g6.xlarge"');
    expect(() => regionalSettings('eu-west-9')).toThrow('aws ec2 describe-instance-type-offerings --region eu-west-9');

    expect(regionalSettings('eu-west-9', { gpu: 'g5.xlarge' })).toMatchObject({
      instanceTypes: { gpu: ['g5.xlarge'], cpu: ['optimal'] },
      warnings: [],
    });
  });

  it('makes a template for any region where no region is known', () => {
    expect(regionalSettings(undefined)).toEqual({
      instanceTypes: { gpu: ['g4dn.xlarge', 'g5.xlarge', 'g6.xlarge'], cpu: ['optimal'] },
      zones: 2,
      warnings: [],
    });
  });

  it('takes what was given, and warns of what the region lacks', () => {
    const { instanceTypes, warnings } = regionalSettings('eu-west-1', {
      gpu: ' g6.2xlarge  g5.xlarge',
      cpu: 'c8a.large',
    });

    expect(instanceTypes).toEqual({ gpu: ['g6.2xlarge', 'g5.xlarge'], cpu: ['c8a.large'] });
    expect(warnings).toEqual([expect.stringMatching(/^eu-west-1 has no g6 instances .* names g6\.2xlarge/)]);
  });

  it('uses three Availability Zones, two where an account may have no more', () => {
    expect(regionalSettings('eu-west-1').zones).toBe(3);
    expect(regionalSettings('us-west-1').zones).toBe(2);
  });
});
