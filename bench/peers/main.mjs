// Measures one subject in JavaScript, in a process of its own, as main.c does those in C: the same workloads in the
// same order, and a line `NAME VALUE` for each figure.
//
//     node --expose-gc main.mjs SUBJECT memory INPUT STATE SECONDS | open STATE UID NAME | held STATE | version
//
// A subject is a module that makes, given what loads its package, an object of
//
//     package                       the name of its package
//     make()                        an empty replica
//     write(replica, nodes)         [uid, {name: value ...}] ..., one commit; answers the replica
//     edit(replica, edits)          [uid, name, value] ..., one commit; answers the replica
//     read(replica, uid, name)      the value, as a string
//     each(replica, see)            calls see(uid, name, value) for every field
//     encode(replica), load(bytes)  the whole state as a Uint8Array, and a new replica of it
//     meet(here, there, known)      merges both ways; answers [here, there, bytes]
//
// and may have `settled(replica, nodes or edits)`, where a write goes on after it has returned; in place of `read`,
// where reads are answered later, `readAll(replica, reads)`, the lengths together; and `know(replica)`: what either
// remembers of the other from when they were equal, for `meet`. Whatever a subject answers may be a promise.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { digestOf, inputOf, part } from './input.mjs'

const room = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../build/bench-peers')
const load = createRequire(path.join(room, 'package.json'))
const [name, mode, ...words] = process.argv.slice(2)
const BATCH = 1000
const EDITS = 10
const CLOCK_EVERY = 64

const { default: subjectOf } = await import(`./${name}.mjs`)
const subject = await subjectOf(load)
let quiet = false

const say = (key, value) => quiet || console.log(`${key} ${value}`)
const now = () => performance.now() / 1000
const sayState = async (key, replica) => quiet || say(`digest.${key}`, await digestOf(subject, replica))

async function write(replica, nodes) {
  for (let first = 0; first < nodes.length; first += BATCH) {
    replica = await subject.write(replica, nodes.slice(first, first + BATCH))
  }
  await subject.settled?.(replica, nodes)
  return replica
}

// An edit a commit, for as long as that is measured; what is left comes in one.
async function update(replica, edits, limit) {
  const start = now()
  let done = 0
  let taken = 0
  while (done < edits.length && taken < limit) {
    const some = edits.slice(done, done + CLOCK_EVERY)
    for (const edit of some) replica = subject.edit(replica, [edit])
    await subject.settled?.(replica, some)
    done += some.length
    taken = now() - start
  }
  say('update', done / taken)
  if (done < edits.length) replica = await subject.edit(replica, edits.slice(done))
  await subject.settled?.(replica, edits)
  return replica
}

async function readFields(replica, reads, limit) {
  const start = now()
  let done = 0
  let taken = 0
  let length = 0
  while (done < reads.length && taken < limit) {
    const some = reads.slice(done, done + CLOCK_EVERY)
    if (subject.readAll) length += await subject.readAll(replica, some)
    else for (const [uid, field] of some) length += subject.read(replica, uid, field).length
    done += some.length
    taken = now() - start
  }
  say('read', done / taken)
  say('length.read', `${done}:${length}`)
}

async function apart(replica, edits) {
  for (let at = 0; at < edits.length; at += EDITS) {
    const some = edits.slice(at, at + EDITS)
    replica = await subject.edit(replica, some)
    await subject.settled?.(replica, some)
  }
  return replica
}

// Two that had the same, and were then edited apart.
async function meet(input) {
  let here = await write(await subject.make(), input.nodes)
  let there = await subject.load(await subject.encode(here))
  const known = subject.know?.(here)
  here = await apart(here, input.here)
  there = await apart(there, input.there)
  const start = now()
  const [a, b, bytes] = await subject.meet(here, there, known)
  say('merge', 1000 * (now() - start))
  say('merged', bytes)
  await sayState('here', a)
  await sayState('there', b)
}

async function inMemory(input, state, limit) {
  let start = now()
  let replica = await write(await subject.make(), input.nodes)
  say('write', (input.nodes.length * input.names.length) / (now() - start))
  await sayState('write', replica)
  replica = await update(replica, input.updates, limit)
  await sayState('update', replica)
  await readFields(replica, input.reads, limit)

  start = now()
  const bytes = await subject.encode(replica)
  say('encode', 1000 * (now() - start))
  say('encoded', bytes.length)
  start = now()
  const loaded = await subject.load(bytes)
  say('load', 1000 * (now() - start))
  await sayState('load', loaded)
  if (!quiet) fs.writeFileSync(state, bytes)
  await meet(input)
}

async function memory(file, state, seconds) {
  const input = inputOf(file)
  quiet = true
  await inMemory(part(input, Math.floor(input.nodes.length / 10)), state, Number(seconds))
  quiet = false
  await inMemory(input, state, Number(seconds))
}

async function open(state, uid, field) {
  const start = now()
  const replica = await subject.load(fs.readFileSync(state))
  const length = subject.readAll
    ? await subject.readAll(replica, [[uid, field]])
    : subject.read(replica, uid, field).length
  say('open', 1000 * (now() - start))
  say('length.open', `1:${length}`)
  await sayState('open', replica)
}

function resident() {
  globalThis.gc()
  globalThis.gc()
  return process.memoryUsage.rss()
}

async function held(state) {
  const before = resident()
  const replica = await subject.load(fs.readFileSync(state))
  say('held', resident() - before)
  await sayState('held', replica)
}

function version() {
  const facts = fs.readFileSync(path.join(room, 'node_modules', subject.package, 'package.json'))
  say('version', JSON.parse(facts).version)
}

const modes = { memory, open, held, version }
await modes[mode](...words)
process.exit(0) // GUN keeps timers
