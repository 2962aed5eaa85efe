// SPDX-License-Identifier: MIT
// HyphaCore from gjs by introspection; smoke.py takes the same steps in Python.
imports.gi.versions.Hypha = '1.0';
imports.gi.versions.Soup = '3.0';
const { Gio, GLib, Hypha, Soup } = imports.gi;

const DEADLINE_SECONDS = 20;
let points = 0;

function check(what, ok) {
  points += 1;
  print(`${ok ? 'ok' : 'not ok'} ${points} - ${what}`);
}

// Runs the main loop until the condition holds; whether it did in time.
function wait(condition) {
  const context = GLib.MainContext.default();
  let expired = false;
  const source = GLib.timeout_add_seconds(GLib.PRIORITY_DEFAULT, DEADLINE_SECONDS, () => {
    expired = true;
    return GLib.SOURCE_CONTINUE;
  });
  while (!condition() && !expired) context.iteration(true);
  GLib.source_remove(source);
  return !expired;
}

const core = new Hypha.Core({ host: '127.0.0.1', port: 0 });
check('the port is free to choose before the start', core.get_port() === 0);
check('it does not run yet', !core.is_running());

for (const signal of ['add-window', 'connection-ready', 'service-added', 'service-removed'])
  check(`signal ${signal} can be connected`, core.connect(signal, () => false) > 0);

check('it starts', core.start(null));
check('it runs', core.is_running());
check('it has a port', core.port > 0);
check('its address has that port', core.url === `http://127.0.0.1:${core.port}`);

let answer = null;
const session = new Soup.Session();
session.send_and_read_async(Soup.Message.new('GET', `${core.get_url()}/health`),
  GLib.PRIORITY_DEFAULT, null, (source, result) => {
    const bytes = source.send_and_read_finish(result);
    answer = JSON.parse(new TextDecoder().decode(bytes.toArray()));
  });
check('it answers', wait(() => answer !== null) && answer.status === 'OK');

check('its services are a list model', core.get_services().get_n_items() >= 0);
check('it mints tokens', core.generate_token('ws-a', 'alice', 60).split('.').length === 3);

// What a call or a lookup comes to: a value, or the error.
function ask(start, finish) {
  let reply = null;
  start((source, result) => {
    try {
      reply = source[finish](result).recursiveUnpack();
    } catch (error) {
      reply = error;
    }
  });
  wait(() => reply !== null);
  return reply;
}

function call(service, name, args, cancellable = null) {
  return ask((done) => core.call_async(service, name, args, 0, cancellable, done), 'call_finish');
}

function find(query) {
  return ask((done) => core.get_service_async(new GLib.Variant('s', query), null, null, done),
    'get_service_finish');
}

check('it calls by position', call('ws', 'echo', new GLib.Variant('(s)', ['hi'])) === 'hi');
check('it calls by name', call('ws', 'echo', new GLib.Variant('a{sv}',
  { data: new GLib.Variant('ai', [1, 2]) })).join() === '1,2');
const missing = call('ws-a/nothing', 'f', null);
check('a call of nothing says so', missing instanceof GLib.Error &&
  missing.matches(Hypha.Error, Hypha.Error.NOT_FOUND) &&
  missing.message === 'Service not found: ws-a/nothing');
const cancellable = new Gio.Cancellable();
cancellable.cancel();
const cancelled = call('ws', 'echo', null, cancellable);
check('a call can be cancelled', cancelled instanceof GLib.Error &&
  cancelled.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED));
check('it finds a service', find('ws').id === 'default');
const unfound = find('ws-a/nothing');
check('a service that is not there is an error', unfound instanceof GLib.Error &&
  unfound.matches(Hypha.Error, Hypha.Error.NOT_FOUND));
const listed = core.list_services(new GLib.Variant('a{sv}',
  { workspace: new GLib.Variant('s', 'default') })).recursiveUnpack();
check('it lists services', listed.some((item) => item.id === 'default/root:default'));

function refuses(step, code) {
  try {
    step();
  } catch (error) {
    return error.matches(Hypha.Error, code);
  }
  return false;
}

check('whoever is not there cannot be kicked',
  refuses(() => core.kick_client('ws-a/nobody', 'go'), Hypha.Error.NOT_CONNECTED));
check('nor disconnected',
  refuses(() => core.disconnect_client('ws-a/nobody', 4001, 'go'), Hypha.Error.NOT_CONNECTED));

let outcome = null;
const plugin = '<config lang="json">{"name": "p", "type": "window"}</config>';
core.load_app_async('ws-a', plugin, null, (source, result) => {
  try {
    outcome = source.load_app_finish(result);
  } catch (error) {
    outcome = error;
  }
});
wait(() => outcome !== null);
check('a window without a host is refused as such',
  outcome instanceof GLib.Error && outcome.matches(Hypha.Error, Hypha.Error.NO_HOST));

core.close();
check('it does not run after it was closed', !core.is_running());
check('it starts again', core.start(null) && core.is_running());
core.close();
print(`1..${points}`);
