// Drive the AWS SDK for JavaScript by lines of JSON; ../drivers/loop.py says which.

import { createReadStream } from "node:fs";
import { stat, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  paginateListObjectsV2,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";

const PART = 5 << 20;
const [endpoint, accessKeyId, secretAccessKey] = process.argv.slice(2);
const client = new S3Client({
  endpoint,
  region: "us-east-1",
  forcePathStyle: true,
  credentials: { accessKeyId, secretAccessKey },
});

const asSource = (bucket, key) => `${bucket}/${encodeURIComponent(key)}`;

const store = {
  async put({ file, bucket, key, ...more }) {
    const Body = createReadStream(file);
    const params = { Bucket: bucket, Key: key, Body, ContentType: "image/jpeg", ...more };
    const { size } = await stat(file);
    if (size <= PART) {
      return client.send(new PutObjectCommand({ ...params, ContentLength: size }));
    }
    return new Upload({ client, params, partSize: PART, queueSize: 4 }).done();
  },

  async get({ bucket, key, file }) {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    await writeFile(file, Body);
  },

  async read({ bucket, key, start, stop }) {
    const Range = `bytes=${start}-${stop - 1}`;
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key, Range }));
    return Body.transformToString("base64");
  },

  async sizes({ bucket }) {
    const found = {};
    for await (const page of paginateListObjectsV2({ client, pageSize: 2 }, { Bucket: bucket })) {
      for (const { Key, Size } of page.Contents ?? []) found[Key] = Size;
    }
    return found;
  },

  async copy({ bucket, source, target, ...more }) {
    const CopySource = asSource(bucket, source);
    await client.send(new CopyObjectCommand({ Bucket: bucket, Key: target, CopySource, ...more }));
  },

  async head({ bucket, key }) {
    return client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
  },

  async delete({ bucket, key }) {
    await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  let answer;
  try {
    answer = { result: (await store[order.do](order.with)) ?? null };
  } catch (error) {
    answer = { error: `${error.stack}\n${JSON.stringify(error)}` };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
