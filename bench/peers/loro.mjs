// Loro: a LoroMap of LoroMaps, a commit() a commit. The state is a snapshot; to merge, each sends its version, and gets
// an update from there.
export default (load) => {
  const { LoroDoc, LoroMap, VersionVector } = load('loro-crdt')
  const graphOf = (doc) => doc.getMap('graph')

  const write = (doc, nodes) => {
    const graph = graphOf(doc)
    for (const [uid, fields] of nodes) {
      const node = graph.setContainer(uid, new LoroMap())
      for (const name in fields) node.set(name, fields[name])
    }
    doc.commit()
    return doc
  }
  const edit = (doc, edits) => {
    const graph = graphOf(doc)
    for (const [uid, name, value] of edits) graph.get(uid).set(name, value)
    doc.commit()
    return doc
  }
  const read = (doc, uid, name) => graphOf(doc).get(uid).get(name)
  const each = (doc, see) => {
    for (const [uid, node] of Object.entries(doc.toJSON().graph)) {
      for (const [name, value] of Object.entries(node)) see(uid, name, value)
    }
  }
  const decode = (bytes) => {
    const doc = new LoroDoc()
    doc.import(bytes)
    return doc
  }
  const meet = (here, there) => {
    const asked = [here.version().encode(), there.version().encode()]
    const sent = [
      here.export({ mode: 'update', from: VersionVector.decode(asked[1]) }),
      there.export({ mode: 'update', from: VersionVector.decode(asked[0]) }),
    ]
    here.import(sent[1])
    there.import(sent[0])
    return [here, there, [...asked, ...sent].reduce((sum, bytes) => sum + bytes.length, 0)]
  }
  return {
    package: 'loro-crdt',
    make: () => new LoroDoc(),
    write,
    edit,
    read,
    each,
    encode: (doc) => doc.export({ mode: 'snapshot' }),
    load: decode,
    meet,
  }
}
