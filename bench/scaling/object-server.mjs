/** S3 as far as a measurement needs it: each object has 2,300 bytes, and `pages-<n>/` lists n thousand of them. */
import { createServer } from 'node:http';

const body = Buffer.alloc(2300, 7);

function page(prefix, from) {
  const count = Number(/^pages-(\d+)/.exec(prefix)?.[1] ?? 0) * 1000;
  const keys = Array.from({ length: Math.min(1000, count - from) }, (_, index) => {
    const key = `${prefix}2026/11/28/IMG_${String(from + index).padStart(8, '0')}.jpg`;
    const etag = '&quot;d41d8cd98f00b204e9800998ecf8427e&quot;';
    return `<Contents><Key>${key}</Key><LastModified>2026-11-28T10:00:00.000Z</LastModified><ETag>${etag}</ETag><Size>2300</Size><StorageClass>STANDARD</StorageClass></Contents>`;
  });
  const next = from + keys.length;
  const rest = next < count ? `<NextContinuationToken>${next}</NextContinuationToken>` : '';
  return `<?xml version="1.0"?><ListBucketResult><IsTruncated>${next < count}</IsTruncated>${keys.join('')}${rest}</ListBucketResult>`;
}

const server = createServer((request, response) => {
  const { searchParams } = new URL(request.url, 'http://s3');
  if (!searchParams.has('list-type')) return void response.end(body);
  const from = Number(searchParams.get('continuation-token') ?? 0);
  response.end(page(searchParams.get('prefix') ?? '', from));
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
