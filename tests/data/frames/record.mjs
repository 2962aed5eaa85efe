// SPDX-License-Identifier: MIT
// Records what stock hypha-rpc clients send. See README.md.
//
// It is just enough of a server for two clients: it answers the handshake, plays the manager's
// part in connecting and registering, routes everything else, and writes each binary frame that
// it receives to a file.
import { mkdirSync, writeFileSync } from "node:fs";
import { WebSocketServer } from "ws";
import { decodeMulti, encode } from "@msgpack/msgpack";

const [directory, port] = [process.argv[2], Number(process.argv[3])];
const workspace = "ws-rec";
const manager = "*/workspace-manager";
const clients = new Map();
const counts = new Map();

mkdirSync(directory, { recursive: true });

// Sessions and callbacks have random names; files do not.
function callName(method) {
  if (method.startsWith("services.") || !method.includes("."))
    return method;
  const last = method.slice(method.indexOf(".") + 1);
  return ["resolve", "reject", "heartbeat"].includes(last) ? last : "callback";
}

function save(client, method, data) {
  const base = `${client}-${callName(method).replace(/[^A-Za-z0-9]+/g, "-")}`;
  const n = (counts.get(base) ?? 0) + 1;
  counts.set(base, n);
  writeFileSync(`${directory}/${base}-${n}.bin`, data);
}

function managerMethod(name, promise = "*") {
  return {
    _rtype: "method", _rserver: `http://127.0.0.1:${port}`, _rtarget: manager,
    _rmethod: `services.default.${name}`, _rpromise: promise, _rname: name, _rdoc: null,
    _rschema: { name, description: name, parameters: { type: "object", properties: {}, required: [] } },
  };
}

function managerService() {
  const service = {
    id: `${manager}:default`, name: "Default", type: "generic",
    config: { visibility: "public", require_context: true, workspace: "*" },
  };
  for (const name of ["echo", "register_service", "unregister_service", "get_service", "list_services"])
    service[name] = managerMethod(name);
  return service;
}

function managerAnswer(main, extra) {
  const args = extra.args ?? [];
  if (main.method === "services.built-in.get_service")
    return managerService();
  return args[0] ?? null;
}

function send(id, main, tail) {
  clients.get(id)?.send(Buffer.concat([encode(main), tail]));
}

function route(id, data) {
  const [main, extra = {}] = [...decodeMulti(data)];
  const [from, user] = [`${workspace}/${id}`, { id: "recorder", is_anonymous: false, email: "", roles: [], scopes: [] }];
  const to = main.to.includes("/") ? main.to : `${workspace}/${main.to}`;
  save(id, main.method ?? main.type, data);
  if (to !== manager) {
    send(to.split("/")[1], { ...main, from, to, ws: workspace, user }, data.subarray(encode(main).length));
    return;
  }
  if (main.session)
    send(id, { type: "method", from: manager, to: from, method: `${main.session}.resolve`, parent: main.session,
      ws: workspace, user: null }, encode({ args: [managerAnswer(main, extra)] }));
}

function greet(socket, text) {
  const { client_id: id } = JSON.parse(text);
  clients.set(id, socket);
  writeFileSync(`${directory}/${id}-hello.json`, text);
  socket.send(JSON.stringify({
    type: "connection_info", hypha_version: "0.1.0", public_base_url: `http://127.0.0.1:${port}`,
    local_base_url: `http://127.0.0.1:${port}`, manager_id: "workspace-manager", workspace, client_id: id,
    user: { id: "recorder", is_anonymous: false, email: "", roles: [], scopes: [] },
    reconnection_token: "none", reconnection_token_life_time: 3600,
  }));
  return id;
}

new WebSocketServer({ port, host: "127.0.0.1" }).on("connection", (socket) => {
  let id = null;
  socket.on("message", (data, binary) => {
    if (binary)
      route(id, data);
    else if (id === null)
      id = greet(socket, data.toString());
  });
});
