"""What a master answers to PutFile and GetFile."""

import base64
import binascii

from rpcgate.files import Files, FilesError, NoFileError, TooLargeError
from rpcgate.protocol import FilePiece, FileState, GetFile, Message, PutFile, Refusal, Refused

REFUSALS = {FilesError: Refusal.BUSY, TooLargeError: Refusal.LIMIT, NoFileError: Refusal.FILE}


def answer(files: Files, message: PutFile | GetFile) -> Message:
    """Take a piece in, or give one out; a refusal is an answer too."""
    try:
        if isinstance(message, PutFile):
            return _taken(files, message)
        size, content = files.piece(message.sha256, message.offset)
        return FilePiece(message.sha256, message.offset, size, base64.b64encode(content).decode())
    except (FilesError, TooLargeError, NoFileError) as error:
        return Refused(REFUSALS[type(error)], str(error))


def _taken(files: Files, message: PutFile) -> Message:
    try:
        content = base64.b64decode(message.content, validate=True)
    except (binascii.Error, ValueError):
        return Refused(Refusal.MESSAGE, "The piece of the file is no base64.")
    state = files.put(message.sha256, message.size, message.offset, content)
    return FileState(message.sha256, state.have, state.whole)
