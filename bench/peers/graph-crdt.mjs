// graph-crdt: a Graph of Nodes, written by merge() with partial graphs, as its documentation has it: a Node takes plain
// objects, and counts the states up itself. Its state is its JSON. It cannot ask another replica what that has: to
// merge, each sends all of it, and takes the other's in by merge(Graph.source(...)).
export default (load) => {
  const { Graph, Node } = load('graph-crdt')

  const write = (graph, nodes) => {
    const patch = {}
    for (const [uid, fields] of nodes) {
      const node = Node.create({ uid })
      node.merge(fields)
      patch[uid] = node
    }
    graph.merge(patch)
    return graph
  }
  const read = (graph, uid, name) => graph.value(uid).value(name)
  const edit = (graph, edits) => {
    for (const [uid, name, value] of edits) graph.value(uid).merge({ [name]: value })
    return graph
  }
  const each = (graph, see) => {
    for (const [uid, node] of graph) for (const [name, value] of node) see(uid, name, value)
  }
  const encode = (graph) => Buffer.from(JSON.stringify(graph))
  const decode = (bytes) => Graph.source(JSON.parse(bytes.toString()))
  const meet = (here, there) => {
    const sent = [encode(here), encode(there)]
    here.merge(decode(sent[1]))
    there.merge(decode(sent[0]))
    return [here, there, sent[0].length + sent[1].length]
  }
  return {
    package: 'graph-crdt',
    make: () => Graph.create(),
    write,
    edit,
    read,
    each,
    encode,
    load: decode,
    meet,
  }
}
