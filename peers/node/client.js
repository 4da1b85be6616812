// Node's net, with a prefix of four bytes: node client.js HOST PORT, the message on standard input
'use strict'
const fs = require('fs')
const net = require('net')

const LARGEST = 64 << 20

const [host, port] = process.argv.slice(2)
const message = fs.readFileSync(0)
const prefix = Buffer.alloc(4)
prefix.writeUInt32BE(message.length)

const socket = net.connect({ host, port: Number(port) })
const parts = []
let held = 0
let reply

function fail (why) {
  console.error(why)
  process.exitCode = 1
  socket.destroy()
}

socket.write(Buffer.concat([prefix, message]))
socket.setTimeout(8000, () => fail('no reply'))
socket.on('error', error => fail(error.message))
socket.on('end', () => { if (!reply) fail('the reply is cut off') })
socket.on('data', data => {
  if (reply) return
  parts.push(data)
  held += data.length
  if (held < 4) return
  if (parts[0].length < 4) parts.splice(0, parts.length, Buffer.concat(parts))
  const length = parts[0].readUInt32BE()
  if (length > LARGEST) return fail('too long')
  if (held < 4 + length) return
  reply = Buffer.concat(parts).subarray(4, 4 + length)
  socket.end()
  process.stdout.write(reply)
  if (!reply.equals(message)) process.exitCode = 1
})
