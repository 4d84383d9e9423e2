'use strict';

/**
 * A small HTTP router: patterns such as "/users/:id/files/*rest", middleware, and errors
 * that become JSON answers. Routes live in a tree of path segments, so that finding one
 * costs the depth of the path and not the number of routes.
 */

const http = require('node:http');
const { URL } = require('node:url');

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
const MAX_BODY_BYTES = 1024 * 1024;

class HttpError extends Error {
  constructor(status, message, details = undefined) {
    super(message);
    this.status = status;
    this.details = details;
  }
}

class Node {
  constructor() {
    this.children = new Map();
    this.parameter = null; // { name, node }
    this.rest = null; // { name, handlers }
    this.handlers = new Map();
  }
}

class Router {
  #root = new Node();
  #middleware = [];

  use(middleware) {
    if (typeof middleware !== 'function') {
      throw new TypeError(`middleware must be a function, not ${typeof middleware}`);
    }
    this.#middleware.push(middleware);
    return this;
  }

  add(method, pattern, handler) {
    let node = this.#root;
    const segments = pattern.split('/').filter(Boolean);
    for (const [index, segment] of segments.entries()) {
      if (segment.startsWith('*')) {
        if (index !== segments.length - 1) {
          throw new Error(`"${pattern}": a rest parameter must come last`);
        }
        node.rest ??= { name: segment.slice(1) || 'rest', handlers: new Map() };
        node.rest.handlers.set(method, handler);
        return this;
      }
      if (segment.startsWith(':')) {
        const name = segment.slice(1);
        node.parameter ??= { name, node: new Node() };
        if (node.parameter.name !== name) {
          throw new Error(`"${pattern}": this place is already called :${node.parameter.name}`);
        }
        node = node.parameter.node;
      } else {
        if (!node.children.has(segment)) {
          node.children.set(segment, new Node());
        }
        node = node.children.get(segment);
      }
    }
    node.handlers.set(method, handler);
    return this;
  }

  /** Literal segments are tried before parameters, parameters before the rest. */
  #match(node, segments, index, params) {
    if (index === segments.length) {
      return node.handlers.size > 0 ? { handlers: node.handlers, params } : null;
    }
    const segment = segments[index];
    const child = node.children.get(segment);
    if (child) {
      const found = this.#match(child, segments, index + 1, params);
      if (found) return found;
    }
    if (node.parameter) {
      const { name, node: next } = node.parameter;
      const found = this.#match(next, segments, index + 1, { ...params, [name]: segment });
      if (found) return found;
    }
    if (node.rest) {
      const value = segments.slice(index).join('/');
      return { handlers: node.rest.handlers, params: { ...params, [node.rest.name]: value } };
    }
    return null;
  }

  find(method, path) {
    const segments = path.split('/').filter(Boolean).map(decodeURIComponent);
    const found = this.#match(this.#root, segments, 0, {});
    if (!found) {
      throw new HttpError(404, `nothing at ${path}`);
    }
    const handler = found.handlers.get(method);
    if (!handler) {
      const allowed = [...found.handlers.keys()].sort();
      throw new HttpError(405, `${method} is not allowed here`, { allowed });
    }
    return { handler, params: found.params };
  }

  async handle(request, response) {
    const url = new URL(request.url, 'http://localhost');
    const context = { request, response, url, params: {}, state: {} };
    try {
      const { handler, params } = this.find(request.method, url.pathname);
      context.params = params;
      let chain = () => handler(context);
      for (const middleware of [...this.#middleware].reverse()) {
        const next = chain;
        chain = () => middleware(context, next);
      }
      const result = await chain();
      if (!response.writableEnded) {
        sendJson(response, result === undefined ? 204 : 200, result);
      }
    } catch (error) {
      const status = error instanceof HttpError ? error.status : 500;
      if (status >= 500) console.error(error);
      const message = status >= 500 ? 'internal error' : error.message;
      sendJson(response, status, { error: message, ...error.details });
    }
  }

  listen(port, onListening = () => {}) {
    const server = http.createServer((request, response) => this.handle(request, response));
    return server.listen(port, onListening);
  }
}

for (const method of METHODS) {
  Router.prototype[method.toLowerCase()] = function (pattern, handler) {
    return this.add(method, pattern, handler);
  };
}

function sendJson(response, status, value) {
  const body = value === undefined ? '' : JSON.stringify(value);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

async function readJson(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) {
      throw new HttpError(413, `the body has more than ${MAX_BODY_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    throw new HttpError(400, `the body is not JSON: ${error.message}`);
  }
}

module.exports = { Router, HttpError, readJson, sendJson };
