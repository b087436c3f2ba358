import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod/mini';

/** The data that a run trains on, by name and by content: part of its arguments and of each of its checkpoints. */
export const DataIdentity = z.object({
  /** Its name on the command line, such as `cifar10`. */
  name: z.string().check(z.regex(/^[a-z0-9][a-z0-9-]{0,63}$/)),
  /** SHA-256 of labels and pixels, by split. */
  sha256: z.object({
    train: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
    test: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  }),
});
export type DataIdentity = z.infer<typeof DataIdentity>;

/** CIFAR-10, on which every run was trained whose arguments or checkpoints name no data. */
export const cifar10Data: DataIdentity = {
  name: 'cifar10',
  sha256: {
    train: 'd12c98b5c6d1c8f3ee705d14ab38dccf995510e8044d36d18154ece4e3b8060f',
    test: '1695efc9dc931b768f20f5cb2956256bc3a12eba128a3d7f6f8a6a6910d3b57e',
  },
};

export function isSameData(one: DataIdentity, other: DataIdentity): boolean {
  return one.name === other.name && isDeepStrictEqual(one.sha256, other.sha256);
}

/** The name, and as much of the content's digest as tells two data sets of one name apart. */
export function describeData({ name, sha256 }: DataIdentity): string {
  return `${name} (training images ${sha256.train.slice(0, 8)}, test images ${sha256.test.slice(0, 8)})`;
}
