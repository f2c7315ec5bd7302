// wasi.js - runs a program for WASI, which may read the files of this machine.
"use strict";
const fs = require("fs");
const { WASI } = require("wasi");

const args = process.argv.slice(2);
const wasi = new WASI({ version: "preview1", args, env: process.env, preopens: { "/": "/" }, returnOnExit: true });
WebAssembly.instantiate(fs.readFileSync(args[0]), { wasi_snapshot_preview1: wasi.wasiImport }).then(({ instance }) => {
    process.exitCode = wasi.start(instance);
});
