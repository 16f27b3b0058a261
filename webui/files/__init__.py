"""Files beside tasks: what people upload for servers, and what servers gave."""
