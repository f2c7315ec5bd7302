// The same peer as websocket.py, of node and its package ws: Debian's node-ws, or npm install --prefix build/peers ws.
// Leaves with 77 where that is not installed.
//
//     node websocket.cjs client HOST PORT PATH
//     node websocket.cjs server
const path = require('node:path')
const places = [path.join(__dirname, '../../build/peers/node_modules/ws'), '/usr/share/nodejs/ws', 'ws']
let ws
for (const place of places)
    try {
        ws ??= require(place)
    } catch {}
if (!ws) process.exit(77)

setTimeout(() => process.exit(2), 60000) // whoever runs it may have ended

function run(link) {
    let closing = false
    link.binaryType = 'nodebuffer'
    link.on('error', (error) => {
        console.error(error)
        process.exit(1)
    })
    link.on('close', (code) => process.exit(code === (closing ? 1001 : 1000) ? 0 : 1))
    link.on('message', (data, binary) => {
        if (!binary) process.exit(1)
        if (data.toString() === 'close') {
            closing = true
            link.close(1001, 'bye ☃')
            return
        }
        const third = Math.floor(data.length / 3)
        link.send(data.subarray(0, third), {binary: true, fin: false})
        link.send(data.subarray(third, 2 * third), {binary: true, fin: false})
        link.ping('between')
        link.send(data.subarray(2 * third), {binary: true, fin: true})
    })
}

if (process.argv[2] === 'client') {
    const [host, port, target] = process.argv.slice(3)
    run(new ws.WebSocket(`ws://${host}:${port}${target}`))
} else {
    const server = new ws.WebSocketServer({host: '127.0.0.1', port: 0, path: '/echo'}, () => {
        console.log(server.address().port)
    })
    server.on('connection', run)
}
