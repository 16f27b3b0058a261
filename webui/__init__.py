"""The pages, the command line and the API of the operations half."""
