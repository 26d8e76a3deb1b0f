// Enqueues jobs in BullMQ, then drains them with one worker in this process. Usage: node bench.mjs REDIS_PORT
import { Queue, Worker } from 'bullmq';

const JOBS = 10_000;
const connection = { host: '127.0.0.1', port: Number(process.argv[2]), maxRetriesPerRequest: null };
const payload = { text: 'x'.repeat(200) };
const seconds = (begun) => Number(process.hrtime.bigint() - begun) / 1e9;
const report = (row, value) => console.log(`${row}\t${value}`);

const queue = new Queue('bench', { connection });
await queue.waitUntilReady();

async function enqueue(count, clients) {
  let left = count;
  const client = async () => {
    while (left-- > 0) await queue.add('job', payload, { removeOnComplete: true });
  };
  const begun = process.hrtime.bigint();
  await Promise.all(Array.from({ length: clients }, client));
  return count / seconds(begun);
}

await enqueue(500, 16);
report('Enqueue, fsync always, 1 client, per second', await enqueue(JOBS / 10, 1));
report('Enqueue, fsync always, 16 clients, per second', await enqueue(JOBS, 16));

const waiting = await queue.getWaitingCount();
const begun = process.hrtime.bigint();
await new Promise((resolve) => {
  let done = 0;
  const worker = new Worker('bench', async () => {}, { connection, concurrency: 16 });
  worker.on('completed', () => {
    if (++done === waiting) resolve(worker.close());
  });
});
report('Jobs done, concurrency 16, per second', waiting / seconds(begun));
await queue.close();
