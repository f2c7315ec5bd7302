// Yjs: a Y.Map of Y.Maps, a transact() a commit. The state is encodeStateAsUpdate; to merge, each sends its state
// vector, and gets an update with what it lacks.
export default (load) => {
  const Y = load('yjs')
  const graphOf = (doc) => doc.getMap('graph')

  const write = (doc, nodes) => {
    doc.transact(() => {
      for (const [uid, fields] of nodes) graphOf(doc).set(uid, new Y.Map(Object.entries(fields)))
    })
    return doc
  }
  const edit = (doc, edits) => {
    doc.transact(() => {
      for (const [uid, name, value] of edits) graphOf(doc).get(uid).set(name, value)
    })
    return doc
  }
  const read = (doc, uid, name) => graphOf(doc).get(uid).get(name)
  const each = (doc, see) => graphOf(doc).forEach((node, uid) => node.forEach((value, name) => see(uid, name, value)))
  const decode = (bytes) => {
    const doc = new Y.Doc()
    Y.applyUpdate(doc, bytes)
    return doc
  }
  const meet = (here, there) => {
    const asked = [Y.encodeStateVector(here), Y.encodeStateVector(there)]
    const sent = [Y.encodeStateAsUpdate(here, asked[1]), Y.encodeStateAsUpdate(there, asked[0])]
    Y.applyUpdate(here, sent[1])
    Y.applyUpdate(there, sent[0])
    return [here, there, [...asked, ...sent].reduce((sum, bytes) => sum + bytes.length, 0)]
  }
  return {
    package: 'yjs',
    make: () => new Y.Doc(),
    write,
    edit,
    read,
    each,
    encode: (doc) => Y.encodeStateAsUpdate(doc),
    load: decode,
    meet,
  }
}
