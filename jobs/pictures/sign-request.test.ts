import { expect, test } from 'vitest';
import { encodePath, signedHeaders } from './sign-request.ts';

test("signs AWS's own example of a request", () => {
  const request = { host: 'examplebucket.s3.amazonaws.com', path: '/test.txt', headers: { range: 'bytes=0-9' } };
  const credentials = {
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  };
  const at = { region: 'us-east-1', now: new Date('2013-05-24T00:00:00Z') };

  const { authorization } = signedHeaders(request, credentials, at);

  // @see https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
  expect(authorization).toBe(
    'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, ' +
      'SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, ' +
      'Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  );
  expect(signedHeaders(request, { ...credentials, sessionToken: 'a token' }, at)).toMatchObject({
    authorization: expect.stringContaining('x-amz-date;x-amz-security-token,'),
    'x-amz-security-token': 'a token',
  });
});

test('encodes a key once, and leaves its slashes', () => {
  expect(encodePath("a b/ü+(1)*!'.png")).toBe('a%20b/%C3%BC%2B%281%29%2A%21%27.png');
});
