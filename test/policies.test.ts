import { beforeAll, expect, it } from 'vitest';
import { documentedPermissions, grantedPermissions, type Permission, synthesizeStack } from './policies.ts';

let documented: Awaited<ReturnType<typeof documentedPermissions>>;
beforeAll(async () => {
  documented = await documentedPermissions();
});

const text = ({ role, action, on }: Permission) => `${role} | ${action} | ${on}`;

it('docs/aws.md lists what the template grants, and nothing else', () => {
  const granted = grantedPermissions(synthesizeStack());
  expect(documented.map(text).toSorted()).toEqual(granted.map(text).toSorted());
});

it('docs/aws.md says why each permission is there', () => {
  for (const permission of documented) {
    expect(permission.why, text(permission)).toMatch(/\S+ \S+/);
    expect(permission.used, text(permission)).toMatch(/^(yes|no|by AWS)$/);
  }
});
