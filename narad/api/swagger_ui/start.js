// In a file, since the policy of the page allows no script in the page itself.
SwaggerUIBundle({
  url: new URL("openapi.json", document.baseURI).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  // Else it asks a server on the internet whether the document is valid.
  validatorUrl: null,
});
