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

// Each message that a stream takes off the bytes, as it is written: by its `data`, as from `for await` short ones come together.
const parsing = (parser, written) => socket => {
  socket.pipe(parser()).on('data', message => paced(socket, written(message))).on('end', () => socket.end())
}
const endedBy = end => message => Buffer.concat([message, Buffer.from(end)])
const delimiterStream = delimiter => parsing(() => new (require('delimiter-stream'))({ delimiter }), endedBy(delimiter))
const binarySplit = delimiter => parsing(() => require('binary-split')(delimiter), endedBy(delimiter))
const byline = options => parsing(() => require('byline').createStream(null, options), line => Buffer.from(line + '\n'))

// `onMessage` is called for what comes within the limit; nothing is asked of the rest.
const slipping = maxMessageSize => socket => {
  const slip = require('slip')
  const onMessage = message => paced(socket, Buffer.from(slip.encode(message)))
  const decoder = new slip.Decoder({ maxMessageSize, onMessage, onError: () => {} })
  socket.on('data', data => decoder.decode(data))
  socket.on('end', () => socket.end())
}

// Its own frames to itself.
const framed = bits => socket => {
  const frames = new (require('framed-stream'))(socket, { bits })
  frames.on('error', () => socket.destroy())
  frames.pipe(frames)
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
  slip: slipping(1 << 28),
  'slip-short': slipping(65536),
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
  },
  'framed-8': framed(8),
  'framed-16': framed(16),
  'framed-24': framed(24),
  'framed-32': framed(32),
  'length-prefixed-message': socket => {
    const { read, write } = require('length-prefixed-message')
    const next = () => read(socket, message => {
      write(socket, message)
      setImmediate(next) // as its own call would be a recursion
    })
    next()
    socket.on('end', () => socket.end())
  },
  'pull-length-prefixed': socket => {
    const { decode, encode } = require('pull-length-prefixed')
    const received = require('pull-pushable')()
    socket.on('data', data => received.push(data))
    socket.on('end', () => received.end())
    const read = encode()(decode({ maxLength: 1 << 28 })(received))
    const next = () => read(null, (end, frame) => {
      if (end) return socket.end()
      socket.write(frame.slice(), next)
    })
    next()
  },
  'endo-netstring': async socket => {
    const { makeNetstringReader } = await import('@endo/netstring')
    const messages = async function * (source) {
      for await (const message of makeNetstringReader(source)) yield Buffer.concat([Buffer.from(`${message.length}:`), message, Buffer.from(',')])
    }
    pipeline(socket, messages, socket, () => {})
  },
  'delimiter-stream': delimiterStream('\n'),
  'delimiter-stream-eom': delimiterStream('<EOM>'),
  'binary-split': binarySplit('\n'),
  'binary-split-eom': binarySplit('<EOM>'),
  split: parsing(() => require('split')('\n', null, { trailing: false }), line => line + '\n'),
  byline: byline({}),
  'byline-keeps': byline({ keepEmptyLines: true, encoding: 'utf8' }),
  'serialport-delimiter': parsing(
    () => new (require('@serialport/parser-delimiter').DelimiterParser)({ delimiter: '<EOM>', includeDelimiter: true }),
    message => message
  ),
  'serialport-readline': parsing(
    () => new (require('@serialport/parser-readline').ReadlineParser)({ delimiter: '\r\n' }), line => line + '\r\n'
  )
}

const [name, port] = process.argv.slice(2)
net.createServer({ allowHalfOpen: true, noDelay: true }, socket => {
  if (name !== 'pipe-bare') socket.on('error', () => socket.destroy())
  echoes[name](socket)
}).listen({ port: Number(port), host: '127.0.0.1', backlog: 1024 })
