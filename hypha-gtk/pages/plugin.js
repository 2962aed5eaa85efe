// SPDX-License-Identifier: MIT
//
// The page in which a plugin runs: waits for the core to say which plugin this is, puts its
// links, styles and window into the document, and runs its scripts one after the other. What
// goes wrong on the way is reported to the application, which shows it.
(() => {
  'use strict';

  const classic = new Set(['', 'javascript', 'js', 'text/javascript', 'application/javascript',
                           'text/ecmascript', 'application/ecmascript']);
  const modules = new Set(['module', 'esm']);

  const tell = (type, error) => window.parent.postMessage({ type, error }, '*');

  // An error whose text is for people already, without a class name in front.
  const failure = text => Object.assign(new Error(text), { name: '' });

  const describe = (error, where) => {
    const name = error instanceof Error && error.name ? `${error.name}: ` : '';
    const text = `${name}${error instanceof Error ? error.message : error}`;
    return where ? `${text} (${where})` : text;
  };

  const resolve = (url, config) => new URL(url, config.src?.startsWith('http') ? config.src : document.baseURI).href;

  const attributesOf = block => block.attrs ?? {};

  const copyAttributes = (element, block, except) => {
    for (const [name, value] of Object.entries(attributesOf(block)))
      if (!except.includes(name))
        element.setAttribute(name, value === true ? '' : value);
  };

  function addLink(block, config) {
    const link = document.createElement('link');
    const attributes = attributesOf(block);
    copyAttributes(link, block, ['href']);
    if (attributes.href ?? block.href ?? block.url)
      link.href = resolve(attributes.href ?? block.href ?? block.url, config);
    if (!link.rel)
      link.rel = 'stylesheet';
    document.head.append(link);
  }

  function addStyle(block) {
    const language = block.lang ?? 'css';
    if (language !== 'css')
      throw failure(`the style language “${language}” is not supported`);
    const style = document.createElement('style');
    style.textContent = block.content;
    document.head.append(style);
  }

  // An inline script runs while it is appended; its error goes to the window, not to us.
  function runInline(code, name) {
    let event;
    const listen = thrown => { event = thrown; };
    const script = document.createElement('script');
    script.textContent = `${code}\n//# sourceURL=${name}`;
    addEventListener('error', listen);
    document.head.append(script);
    removeEventListener('error', listen);
    if (event)
      throw failure(describe(event.error ?? event.message, `${name}, line ${event.lineno}`));
  }

  // A script from elsewhere hides its errors from us; that it could not be loaded is all we see.
  const runFrom = url => new Promise((done, failed) => {
    const script = document.createElement('script');
    script.src = url;
    script.onload = done;
    script.onerror = () => failed(failure(`cannot load the script “${url}”`));
    document.head.append(script);
  });

  async function runModule(code, name) {
    const url = URL.createObjectURL(new Blob([`${code}\n//# sourceURL=${name}`], { type: 'text/javascript' }));
    try {
      await import(url);
    } catch (error) {
      throw failure(describe(error, name));
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  // Data in a script element, such as a template: kept for the plugin to read.
  function addData(block) {
    const script = document.createElement('script');
    copyAttributes(script, block, []);
    script.textContent = block.content;
    document.head.append(script);
  }

  async function runScript(block, index, config) {
    const attributes = attributesOf(block);
    const language = String(block.lang ?? attributes.lang ?? '').toLowerCase();
    const type = String(attributes.type ?? '').toLowerCase();
    const source = block.src ?? attributes.src;
    const name = `${String(config.name ?? 'plugin').replace(/[^\w.-]+/g, '-')}/script-${index + 1}.js`;
    const isModule = modules.has(type) || modules.has(language) || block.module === true;

    if (!classic.has(language) && !modules.has(language))
      throw failure(`the script language “${language}” is not supported in a window`);
    if (isModule)
      await (source ? import(resolve(source, config)) : runModule(block.content, name));
    else if (!classic.has(type))
      addData(block);
    else if (source)
      await runFrom(resolve(source, config));
    else
      runInline(block.content, name);
  }

  // Most plugins do not wait for their export, so nobody would hear that it failed.
  function reportFailedExport(api) {
    const original = api.export;
    api.export = exported => {
      const done = original(exported);
      done.catch(error => tell('hyphaPluginFailed', describe(error, 'api.export()')));
      return done;
    };
  }

  async function start(api, config) {
    globalThis.api = api;
    reportFailedExport(api);
    document.title = config.name ?? '';
    for (const block of config.links ?? [])
      addLink(block, config);
    for (const block of config.styles ?? [])
      addStyle(block);
    if (config.windows?.length > 0)
      document.body.innerHTML = config.windows[0].content;
    for (const [index, block] of (config.scripts ?? []).entries())
      await runScript(block, index, config);
  }

  if (typeof hyphaWebsocketClient === 'undefined') {
    tell('hyphaPluginFailed', 'hypha-rpc could not be loaded');
    return;
  }

  // A connection that fails is thrown where nobody listens.
  const rejected = event => tell('hyphaPluginFailed', describe(event.reason));
  addEventListener('unhandledrejection', rejected);

  hyphaWebsocketClient.setupLocalClient({
    enable_execution: false,
    on_ready: async (api, config) => {
      removeEventListener('unhandledrejection', rejected);
      try {
        await start(api, config);
        tell('hyphaPluginStarted');
      } catch (error) {
        console.error(error);
        tell('hyphaPluginFailed', describe(error));
      }
    },
  }).catch(error => tell('hyphaPluginFailed', describe(error)));
})();
