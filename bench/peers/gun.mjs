// GUN: its core (gun/gun), in memory: no peers, no localStorage, no radisk. Nodes are written by get(uid).put({...}),
// single fields by get(uid).get(name).put(value), and read by .once; puts and reads are under way 64 at a time. A put
// goes on in later turns after it has returned: `settled` waits until the graph has all of it. The state is the JSON of
// the graph, as GUN's messages carry it ({put: graph}), and is taken in as a message that came from a peer. GUN sends
// what was asked for as it is, and does not find out what differs: to merge, each sends all of it.
export default (load) => {
  console.log = () => {} // it welcomes whoever loads it
  const Gun = load('gun/gun')
  console.log = (...words) => process.stdout.write(words.join(' ') + '\n')

  const make = () => Gun({ localStorage: false, radisk: false, axe: false, multicast: false, peers: {} })
  const graphOf = (gun) => gun._.graph
  const turn = () => new Promise((done) => setImmediate(done))
  const has = (graph, uid, name, value) => graph[uid]?.[name] === value

  const write = (gun, nodes) => {
    for (const [uid, fields] of nodes) gun.get(uid).put(fields)
    return gun
  }
  const edit = (gun, edits) => {
    for (const [uid, name, value] of edits) gun.get(uid).get(name).put(value)
    return gun
  }
  // What was written last need not come last: each is looked at until it is there.
  const settled = async (gun, written) => {
    const graph = graphOf(gun)
    for (const [uid, what, value] of written) {
      const fields = typeof what === 'string' ? [[what, value]] : Object.entries(what)
      for (const [name, text] of fields) while (!has(graph, uid, name, text)) await turn()
    }
  }
  const readAll = async (gun, reads) => {
    const read = ([uid, name]) =>
      new Promise((done) => gun.get(uid).get(name).once((value) => done(value.length), { wait: 0 }))
    return (await Promise.all(reads.map(read))).reduce((a, b) => a + b, 0)
  }
  const each = (gun, see) => {
    for (const [uid, node] of Object.entries(graphOf(gun))) {
      for (const [name, value] of Object.entries(node)) if (name !== '_') see(uid, name, value)
    }
  }
  const encode = (gun) => Buffer.from(JSON.stringify(graphOf(gun)))

  // As a message from a peer. All of it has been taken in once the graph has each field, or one that is later.
  const take = async (gun, bytes) => {
    const put = JSON.parse(bytes.toString())
    const graph = graphOf(gun)
    const wanted = Object.entries(put).map(([uid, node]) => [uid, Object.entries(node._['>'])])
    gun._.on('in', { '#': String(Math.random()), put })
    for (const [uid, states] of wanted) {
      for (const [name, state] of states) while (!(graph[uid]?._['>'][name] >= state)) await turn()
    }
    return gun
  }
  const meet = async (here, there) => {
    const sent = [encode(here), encode(there)]
    await take(here, sent[1])
    await take(there, sent[0])
    return [here, there, sent[0].length + sent[1].length]
  }
  return {
    package: 'gun',
    make,
    write,
    edit,
    settled,
    readAll,
    each,
    encode,
    load: (bytes) => take(make(), bytes),
    meet,
  }
}
