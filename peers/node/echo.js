// Node's net, and codecs from npm: node echo.js NAME PORT
'use strict'
const net = require('net')
const readline = require('readline')
const { pipeline } = require('stream')

// Writes to a socket, and stops its source while the socket is full.
function paced (socket, data) {
  if (!socket.write(data)) {
    socket.pause()
    socket.once('drain', () => socket.resume())
  }
}

// An echo that collects bytes, and takes as many messages off them as there are.
const collecting = take => socket => {
  let held = Buffer.alloc(0)
  socket.on('data', data => {
    held = Buffer.concat([held, data])
    for (let size; (size = take(held)); held = held.subarray(size)) paced(socket, held.subarray(0, size))
  })
  socket.on('end', () => socket.end())
}

// Lines through split2; what it takes for an error ends the connection.
const splitting = options => socket => {
  const split2 = require('split2')
  socket.setEncoding('latin1')
  const lines = socket.pipe(split2(/\n/, options))
  lines.on('data', line => paced(socket, Buffer.from(line + '\n', 'latin1')))
  lines.on('error', () => socket.end())
  socket.on('end', () => socket.end())
}

const echoes = {
  pipe: socket => socket.pipe(socket),
  'pipe-bare': socket => socket.pipe(socket),
  unpaced: socket => {
    socket.on('data', data => socket.write(data))
    socket.on('end', () => socket.end())
  },
  end: socket => {
    const parts = []
    socket.on('data', data => parts.push(data))
    socket.on('end', () => socket.end(Buffer.concat(parts)))
  },
  u32be: collecting(held => {
    const size = held.length < 4 ? Infinity : 4 + held.readUInt32BE()
    return size <= held.length ? size : 0
  }),
  lines: collecting(held => held.indexOf(10) + 1),
  readline: socket => {
    const lines = readline.createInterface({ input: socket, crlfDelay: Infinity })
    lines.on('error', () => socket.destroy())
    lines.on('line', line => paced(socket, line + '\n'))
    socket.on('end', () => setImmediate(() => socket.end()))
  },
  split2: splitting({}),
  'split2-short': splitting({ maxLength: 1000 }),
  'split2-skips': splitting({ maxLength: 1000, skipOverflow: true }),
  netstring: socket => {
    const ns = require('netstring')
    let held = Buffer.alloc(0)
    socket.on('data', data => {
      held = Buffer.concat([held, data])
      for (;;) {
        let size
        try { size = ns.nsLength(held) } catch { return socket.end() }
        if (size < 0 || held.length < size) return
        let payload
        try { payload = ns.nsPayload(held) } catch { return socket.end() }
        if (payload === -1 || payload === -2) return
        const frame = Buffer.alloc(ns.nsWriteLength(payload.length))
        ns.nsWrite(payload, 0, payload.length, frame)
        paced(socket, frame)
        held = held.subarray(size)
      }
    })
    socket.on('end', () => socket.end())
  },
  slip: socket => {
    const slip = require('slip')
    const decoder = new slip.Decoder({
      maxMessageSize: 1 << 28,
      bufferSize: 65536,
      onMessage: message => paced(socket, Buffer.from(slip.encode(message)))
    })
    socket.on('data', data => decoder.decode(data))
    socket.on('end', () => socket.end())
  },
  cobs: socket => {
    const cobs = require('cobs')
    let held = Buffer.alloc(0)
    socket.on('data', data => {
      held = Buffer.concat([held, data])
      for (let end; (end = held.indexOf(0)) >= 0; held = held.subarray(end + 1)) {
        if (end) paced(socket, Buffer.concat([cobs.encode(cobs.decode(held.subarray(0, end))), Buffer.alloc(1)]))
      }
    })
    socket.on('end', () => socket.end())
  },
  protobuf: socket => {
    const { BufferReader, BufferWriter } = require('protobufjs')
    let held = Buffer.alloc(0)
    socket.on('data', data => {
      held = Buffer.concat([held, data])
      for (;;) {
        const reader = new BufferReader(held)
        let payload
        try { payload = reader.bytes() } catch { return }
        paced(socket, new BufferWriter().bytes(payload).finish())
        held = held.subarray(reader.pos)
      }
    })
    socket.on('end', () => socket.end())
  },
  'length-prefixed': socket => {
    const lps = require('length-prefixed-stream')
    const encode = lps.encode()
    encode.pipe(socket)
    socket.pipe(lps.decode()).on('data', data => encode.write(data)).on('end', () => encode.end())
  },
  'it-length-prefixed': async socket => {
    const { decode, encode } = await import('it-length-prefixed')
    const messages = async function * (source) {
      for await (const message of decode(source, { maxDataLength: 1 << 28 })) yield encode.single(message).subarray()
    }
    pipeline(socket, messages, socket, () => {})
  },
  frames: socket => {
    const frame = require('frame-stream')
    const encode = frame.encode()
    encode.pipe(socket)
    const decode = frame.decode({ maxSize: 1 << 28 })
    decode.on('error', () => socket.destroy())
    socket.pipe(decode).on('data', data => encode.write(data)).on('end', () => encode.end())
  }
}

const [name, port] = process.argv.slice(2)
net.createServer({ allowHalfOpen: true, noDelay: true }, socket => {
  if (name !== 'pipe-bare') socket.on('error', () => socket.destroy())
  echoes[name](socket)
}).listen({ port: Number(port), host: '127.0.0.1', backlog: 1024 })
