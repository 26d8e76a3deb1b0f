// A minimal server-sent events server in Node: it writes one timestamped event to every open stream every 50 ms, and
// prints its address on startup.
import { createServer } from 'node:http';

const INTERVAL_MS = 50;
const PADDING = 'x'.repeat(200);
const streams = new Set();

const server = createServer((request, response) => {
  if (request.url !== '/v1/events') {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
  response.write('event: hello\ndata: {}\n\n');
  streams.add(response);
  response.on('close', () => streams.delete(response));
});
server.keepAliveTimeout = 0;

let number = 0;
setInterval(() => {
  const data = JSON.stringify({ text: `@${number++}:${process.hrtime.bigint()};`, rest: PADDING });
  const frame = `event: message.delta\ndata: ${data}\n\n`;
  for (const stream of streams) stream.write(frame);
}, INTERVAL_MS);

server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  console.log(`127.0.0.1:${server.address().port}`);
});
