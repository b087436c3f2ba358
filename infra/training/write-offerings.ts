/**
 * Writes `instance-offerings.json` anew from cfn-lint's data, which AWS's price lists are the source of (licence: MIT-0):
 *
 *     pip download --no-deps cfn-lint
 *     unzip -p cfn_lint-*.whl cfnlint/data/schemas/extensions/aws_ec2_instance/instancetype_enum.json |
 *       npm run offerings -- 'cfn-lint 1.58.0' 2026-10-20
 *
 * The arguments are the release and the date of its data (`cfnlint/data/schemas/version.json`).
 */
import { writeFile } from 'node:fs/promises';
import { json } from 'node:stream/consumers';
import { candidateTypes } from './instance-types.ts';

const [source, date] = process.argv.slice(2);
if (!source || !date)
  throw new Error('Give the source and its date, such as: npm run offerings -- "cfn-lint 1.58.0" 2026-10-20');

const published = (await json(process.stdin)) as Record<string, { readonly enum?: readonly string[] }>;
const regions: Record<string, string> = {};
for (const [region, { enum: types = [] }] of Object.entries(published)) {
  if (types.length > 0) regions[region] = candidateTypes.filter((type) => types.includes(type)).join(' ');
}
const file = new URL('instance-offerings.json', import.meta.url);
await writeFile(file, `${JSON.stringify({ source, date, regions }, undefined, 2)}\n`);
