// Calls words.Words as @grpc/grpc-js does, and prints what came of each call, a line of JSON each:
// node client.js HOST:PORT AUTHORITY
'use strict'

const grpc = require('@grpc/grpc-js')

const [, , address, authority] = process.argv

// A google.protobuf.StringValue is field 1, a string; an empty one is no bytes at all.
function serialize (text) {
  const value = Buffer.from(text)
  if (value.length === 0) return value
  const length = []
  let n = value.length
  for (; n > 127; n >>>= 7) length.push((n & 127) | 128)
  length.push(n)
  return Buffer.concat([Buffer.from([0x0a, ...length]), value])
}

function deserialize (bytes) {
  if (bytes.length === 0) return ''
  let at = 1
  while (bytes[at++] > 127);
  return bytes.subarray(at).toString()
}

function method (name, requestStream, responseStream) {
  return {
    path: '/words.Words/' + name,
    requestStream,
    responseStream,
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize
  }
}

const Words = grpc.makeGenericClientConstructor({
  Unary: method('Unary', false, false),
  Client: method('Client', true, false),
  Server: method('Server', false, true),
  Bidi: method('Bidi', true, true),
  None: method('None', false, false)
}, 'words.Words')

const client = new Words(address, grpc.credentials.createInsecure(), {
  'grpc.default_authority': authority,
  'grpc.max_send_message_length': -1
})

function fields (metadata) {
  const map = metadata ? metadata.toJSON() : {}
  delete map.date
  delete map.server
  return Object.fromEntries(Object.entries(map).sort().map(([name, values]) => [name, values.map(String).join(', ')]))
}

// outcome ends when the status has come, which it does once and last.
function outcome (call, messages) {
  let header
  call.on('metadata', (metadata) => { header = fields(metadata) })
  call.on('error', () => {}) // the status says it too
  return new Promise((resolve) => {
    call.on('status', (status) => resolve({
      header, messages, code: status.code, details: status.details, trailer: fields(status.metadata)
    }))
  })
}

function unary (name, text, options = {}) {
  const metadata = new grpc.Metadata()
  metadata.set('x-sent', 'a')
  metadata.set('x-sent-bin', Buffer.from([0, 254]))
  const messages = []
  const call = client[name](text, metadata, options, (err, message) => { if (!err) messages.push(message) })
  return outcome(call, messages)
}

function upload (words) {
  const messages = []
  const call = client.Client((err, message) => { if (!err) messages.push(message) })
  words.forEach((word) => call.write(word))
  call.end()
  return outcome(call, messages)
}

function download (text) {
  const messages = []
  const call = client.Server(text)
  call.on('data', (message) => messages.push(message))
  return outcome(call, messages)
}

// A word is sent when the one before it has come back.
function inTurn (words) {
  const messages = []
  const call = client.Bidi()
  call.on('data', (message) => {
    messages.push(message)
    words.length > 0 ? call.write(words.shift()) : call.end()
  })
  call.write(words.shift())
  return outcome(call, messages)
}

// The client leaves in the middle of an answer.
function leave () {
  const messages = []
  const call = client.Bidi()
  call.on('data', (message) => {
    messages.push(message)
    call.cancel()
  })
  call.write('once')
  return outcome(call, messages)
}

async function main () {
  const long = 'long '.repeat(20000)
  const cases = [
    ['hello', () => unary('Unary', 'hello')],
    ['empty', () => unary('Unary', '')],
    ['fail', () => unary('Unary', 'fail')],
    ['long', () => unary('Unary', long)],
    ['too long', () => unary('Unary', 'x'.repeat(2 << 20))],
    // Whichever side finds out first has its own words for it.
    ['deadline', async () => (await unary('Unary', 'wait', { deadline: Date.now() + 200 })).code],
    ['no method', () => unary('None', '')],
    ['client', () => upload(Array(100).fill('w'))],
    ['server', () => download('a b c')],
    ['server fails', () => download('a b fail')],
    ['much', () => download(('x'.repeat(900) + ' ').repeat(1000))],
    ['bidi', () => inTurn(['a', 'b', 'c'])],
    ['leave', leave]
  ]
  for (const [name, run] of cases) console.log(JSON.stringify([name, await run()]))
  client.close()
}

main()
