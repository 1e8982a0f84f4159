// Interop cases with @grpc/grpc-js. Arguments: host:port, folder of grpc-proto.
// Prints {"case": "ok" or what went wrong} as JSON.
"use strict";
const assert = require("assert");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const [target, protoFolder] = process.argv.slice(2);
const definition = loader.loadSync("grpc/testing/test.proto", { includeDirs: [protoFolder] });
const { testing } = grpc.loadPackageDefinition(definition).grpc;
const client = new testing.TestService(target, grpc.credentials.createInsecure());
const unknown = new testing.UnimplementedService(target, grpc.credentials.createInsecure());

const unary = (stub, method, ...args) =>
  new Promise((resolve, reject) => {
    const seen = {};
    const call = stub[method](...args, (error, response) =>
      error ? reject(error) : setImmediate(() => resolve({ response, ...seen })));
    call.on("metadata", (metadata) => (seen.initial = metadata));
    call.on("status", (status) => (seen.trailing = status.metadata));
  });

const collect = (stream) =>
  new Promise((resolve, reject) => {
    const sizes = [];
    stream.on("data", (message) => sizes.push(message.payload.body.length));
    stream.on("error", reject);
    stream.on("end", () => resolve(sizes));
  });

const failsWith = async (promise, code, details) => {
  const error = await promise.then(() => null, (e) => e);
  assert.ok(error, "the call succeeded");
  assert.strictEqual(error.code, code);
  if (details !== undefined) assert.strictEqual(error.details, details);
};

const cases = {
  async empty_unary() {
    assert.deepStrictEqual((await unary(client, "emptyCall", {})).response, {});
  },
  async large_unary() {
    const request = { responseSize: 314159, payload: { body: Buffer.alloc(271828) } };
    const { response } = await unary(client, "unaryCall", request);
    assert.strictEqual(response.payload.body.length, 314159);
  },
  async client_streaming() {
    const done = new Promise((resolve, reject) => {
      const call = client.streamingInputCall((error, r) => (error ? reject(error) : resolve(r)));
      for (const n of [27182, 8, 1828, 45904]) call.write({ payload: { body: Buffer.alloc(n) } });
      call.end();
    });
    assert.strictEqual((await done).aggregatedPayloadSize, 74922);
  },
  async server_streaming() {
    const responseParameters = [31415, 9, 2653, 58979].map((size) => ({ size }));
    const sizes = await collect(client.streamingOutputCall({ responseParameters }));
    assert.deepStrictEqual(sizes, [31415, 9, 2653, 58979]);
  },
  async ping_pong() {
    const call = client.fullDuplexCall();
    const sizes = collect(call);
    for (const size of [31415, 9, 2653, 58979]) {
      call.write({ responseParameters: [{ size }], payload: { body: Buffer.alloc(27182) } });
    }
    call.end();
    assert.deepStrictEqual(await sizes, [31415, 9, 2653, 58979]);
  },
  async custom_metadata() {
    const metadata = new grpc.Metadata();
    metadata.set("x-grpc-test-echo-initial", "test_initial_metadata_value");
    metadata.set("x-grpc-test-echo-trailing-bin", Buffer.from([0xab, 0xab, 0xab]));
    const { initial, trailing } = await unary(client, "unaryCall", { responseSize: 3 }, metadata);
    assert.deepStrictEqual(initial.get("x-grpc-test-echo-initial"),
      ["test_initial_metadata_value"]);
    assert.deepStrictEqual(trailing.get("x-grpc-test-echo-trailing-bin"),
      [Buffer.from([0xab, 0xab, 0xab])]);
  },
  async special_status_message() {
    const message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
    const request = { responseStatus: { code: 2, message } };
    await failsWith(unary(client, "unaryCall", request), grpc.status.UNKNOWN, message);
  },
  async unimplemented() {
    await failsWith(unary(client, "unimplementedCall", {}), grpc.status.UNIMPLEMENTED);
    await failsWith(unary(unknown, "unimplementedCall", {}), grpc.status.UNIMPLEMENTED);
  },
  async deadline_and_cancel() {
    const request = { responseParameters: [{ size: 1, intervalUs: 5000000 }] };
    const late = client.streamingOutputCall(request, { deadline: Date.now() + 30 });
    await failsWith(collect(late), grpc.status.DEADLINE_EXCEEDED);
    const call = client.streamingOutputCall(request);
    setImmediate(() => call.cancel());
    await failsWith(collect(call), grpc.status.CANCELLED);
  },
};

(async () => {
  const results = {};
  for (const [name, run] of Object.entries(cases)) {
    results[name] = await run().then(() => "ok", (error) => String(error.stack || error));
  }
  process.stdout.write(JSON.stringify(results));
  client.close();
  unknown.close();
})();
