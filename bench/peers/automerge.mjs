// Automerge: a map of maps, a change() a commit. Values are ImmutableStrings, its registers: plain strings would be
// texts that many edit. The state is save(). To merge, each remembers the heads that both had when they last met,
// sends what it has since (saveSince), and takes the other's in (loadIncremental). Its sync messages would send whole
// documents here, since most commits are new.
export default (load) => {
  const A = load('@automerge/automerge')

  const registers = (fields) =>
    Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, new A.ImmutableString(value)]))
  const write = (doc, nodes) =>
    A.change(doc, (graph) => {
      for (const [uid, fields] of nodes) graph[uid] = registers(fields)
    })
  const edit = (doc, edits) =>
    A.change(doc, (graph) => {
      for (const [uid, name, value] of edits) graph[uid][name] = new A.ImmutableString(value)
    })
  const read = (doc, uid, name) => doc[uid][name].val
  const each = (doc, see) => {
    for (const [uid, node] of Object.entries(doc)) {
      for (const [name, value] of Object.entries(node)) see(uid, name, value.val)
    }
  }
  const know = A.getHeads
  const meet = (here, there, heads) => {
    const sent = [A.saveSince(here, heads), A.saveSince(there, heads)]
    return [A.loadIncremental(here, sent[1]), A.loadIncremental(there, sent[0]), sent[0].length + sent[1].length]
  }
  return {
    package: '@automerge/automerge',
    make: () => A.init(),
    write,
    edit,
    read,
    each,
    encode: A.save,
    load: (bytes) => A.load(bytes),
    know,
    meet,
  }
}
