// SPDX-License-Identifier: MIT
//
// Runs in a script world of our own, in the host page only. It carries what the frame posts to
// its parent over to the application and back; the page in the frame can reach nothing here.
(send => {
  'use strict';

  // The origin that the application accepted for the document now in the frame.
  let trusted;

  const frame = () => document.querySelector('iframe');

  // Copies: a buffer that native code has filled cannot be transferred.
  const post = message =>
    frame()?.contentWindow?.postMessage(message, trusted === 'null' ? '*' : trusted);

  const fromTrusted = {
    connect: message => send('connect', String(message.from), String(message.workspace)),
    close: message => send('close', String(message.from)),
    message: message => send('frame', String(message.from), message.data),
  };

  // These the plugin page says also when it could not get as far as being trusted.
  const fromAnyone = {
    hyphaClientReady: (message, origin) => send('ready', origin),
    hyphaPluginStarted: (message, origin) => send('started', origin),
    hyphaPluginFailed: (message, origin) => send('failed', origin, String(message.error)),
  };

  addEventListener('message', event => {
    const view = frame()?.contentWindow;
    const message = event.data;

    // Only the frame itself speaks, not the frames inside it; messages with `to` are our own.
    if (!view || event.source !== view || message === null || typeof message !== 'object' ||
        'to' in message)
      return;

    const type = String(message.type);
    if (Object.hasOwn(fromAnyone, type))
      fromAnyone[type](message, event.origin);
    else if (Object.hasOwn(fromTrusted, type) && trusted !== undefined && event.origin === trusted)
      fromTrusted[type](message);
  });

  document.addEventListener('load', event => {
    if (event.target === frame())
      send('loaded');
  }, true);

  return (kind, to, data) => {
    switch (kind) {
      case 'document':
        trusted = undefined;
        break;
      case 'initialize':
        trusted = to;
        post(JSON.parse(data));
        break;
      case 'connected':
      case 'closed':
        if (trusted !== undefined)
          post({ type: kind, to });
        break;
      case 'frame':
        if (trusted !== undefined)
          post({ type: 'message', to, data });
        break;
    }
  };
})
