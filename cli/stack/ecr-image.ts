/** An image in ECR, as its address names it. */
export interface EcrImage {
  readonly account: string;
  readonly region: string;
  readonly repository: string;
  readonly id: { readonly imageDigest: string } | { readonly imageTag: string };
}

/**
 * Over IPv4, FIPS included, or over both IPv4 and IPv6.
 *
 * @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
 */
const ADDRESS =
  /^(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:[a-z0-9-]+\.)+[a-z]+\/([^:@]+)(?::([^:@]+))?(?:@(sha256:[0-9a-f]+))?$/;

/** @returns `undefined` if the address is of another registry */
export function parseEcrImage(address: string): EcrImage | undefined {
  const [, account, region, repository, tag = 'latest', digest] = ADDRESS.exec(address) ?? [];
  if (account === undefined || region === undefined || repository === undefined) return undefined;
  return { account, region, repository, id: digest === undefined ? { imageTag: tag } : { imageDigest: digest } };
}
