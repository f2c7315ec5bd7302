// The input that bench/peers/run wrote, and the digest of a replica: as in input.c.
import fs from 'node:fs'

export function inputOf(file) {
  const input = { names: [], nodes: [], updates: [], reads: [], here: [], there: [] }
  const lists = { u: input.updates, r: input.reads, a: input.here, b: input.there }
  for (const line of fs.readFileSync(file, 'utf8').split('\n')) {
    const [kind, ...words] = line.split('\t')
    if (kind === 'f') {
      input.names = words
    } else if (kind === 'n') {
      const [uid, ...values] = words
      input.nodes.push([uid, Object.fromEntries(input.names.map((name, at) => [name, values[at]]))])
    } else if (kind in lists) {
      lists[kind].push([input.nodes[words[0]][0], input.names[words[1]], words[2]])
    }
  }
  return input
}

// The first nodes alone, with the edits of them.
export function part(input, count) {
  const nodes = input.nodes.slice(0, count)
  const uids = new Set(nodes.map(([uid]) => uid))
  const some = (edits) => edits.filter(([uid]) => uids.has(uid))
  const [updates, reads, here, there] = [input.updates, input.reads, input.here, input.there].map(some)
  return { names: input.names, nodes, updates, reads, here, there }
}

const table = new Int32Array(256).map((_, at) => {
  for (let bit = 0; bit < 8; bit++) at = (at >>> 1) ^ (at & 1 ? 0xedb88320 : 0)
  return at
})

function crc32(text) {
  let crc = -1
  for (const byte of Buffer.from(text)) crc = (crc >>> 8) ^ table[(crc ^ byte) & 255]
  return ~crc >>> 0
}

export async function digestOf(subject, replica) {
  let count = 0
  let sum = 0 // below 2^53 for two million fields
  await subject.each(replica, (uid, name, value) => {
    sum += crc32(`${uid}\t${name}\t${value}`)
    count++
  })
  return `${count}:${sum}`
}
