"""The texts of the modules that ship with OMServer, so that translators find them.

A module file imports nothing but the sdk, so its title, help and field texts are listed here once more; a test holds
them against the files. A person's own modules are shown in their author's language.
"""

# ruff: noqa: E501  # a paragraph of a module's help is one text
from django.utils.translation import gettext_noop

SHIPPED = (
    gettext_noop("Show how full the disks are"),
    gettext_noop("Install a package"),
    gettext_noop("Show the loaded kernel modules"),
    gettext_noop("Show the operating system and its kernel"),
    gettext_noop("Reach the servers"),
    gettext_noop("Show who logged in last"),
    gettext_noop("Restart a service"),
    gettext_noop("Run a command"),
    gettext_noop("Run a script"),
    gettext_noop("Show the last lines of a log"),
    gettext_noop("system"),
    gettext_noop("packages"),
    gettext_noop("services"),
    gettext_noop("commands"),
    gettext_noop("logs"),
    gettext_noop("files"),
    gettext_noop("general"),
    gettext_noop("Warn at"),
    gettext_noop("Names"),
    gettext_noop("State"),
    gettext_noop("Filter"),
    gettext_noop("Count"),
    gettext_noop("Service"),
    gettext_noop("Command"),
    gettext_noop("Argv"),
    gettext_noop("Text"),
    gettext_noop("Args"),
    gettext_noop("Path"),
    gettext_noop("Lines"),
    gettext_noop("Fuller than this is a failure."),
    gettext_noop("Package names as the servers know them, for example nginx."),
    gettext_noop("present installs what is missing; latest also updates; absent removes."),
    gettext_noop("Only modules whose name holds this text."),
    gettext_noop("How many."),
    gettext_noop("Unit name, for example nginx."),
    gettext_noop(
        "One line, for example: df -h /var. No shell reads it: | > && $HOME arrive as plain text; for those use Run a script."
    ),
    gettext_noop("Or the words, one a line, where quotes would be a burden."),
    gettext_noop("The script."),
    gettext_noop("Its arguments, one a line; each arrives as it is."),
    gettext_noop("Full path of the file."),
    gettext_noop("Only lines that hold this text."),
    gettext_noop("logins"),
    gettext_noop("lines"),
    gettext_noop("letters, digits and . + _ : ~ = -"),
    gettext_noop("write letters, digits and . _ @ - only"),
    gettext_noop("write one line of at most 8000 characters"),
    gettext_noop("write a full path without '..'"),
    gettext_noop(
        "One line for each file system on a disk of the server's own. A server with one above the limit is marked as failed."
    ),
    gettext_noop(
        "It asks the server's own package system (apt, dnf, apk, ...) for each package: present installs what is missing, latest brings it up to date, absent removes it. Repeating it is safe: what is as wanted already is left alone. A dry run says what would change and changes nothing."
    ),
    gettext_noop(
        "One line each: name, size in KiB, and the modules that use it; sorted by name, so that equal servers answer equally."
    ),
    gettext_noop(
        "A program that does nothing (true) runs on each, so that an answer means: name, network, login and shell all work. The seconds of a server are its round trip."
    ),
    gettext_noop(
        "From the login records (last), or where there are none, from what sshd wrote into the journal or /var/log."
    ),
    gettext_noop(
        "The answer says which servers' service came back: it is asked for afterwards. Repeating it is safe. By systemd, or where that does not run, by `service`."
    ),
    gettext_noop(
        "One program runs with its arguments on each server. No shell reads it: words such as *, |, > or $HOME reach the program as they are. For pipes and variables use run_script."
    ),
    gettext_noop(
        "The text is run by the interpreter that its first line names, for example #!/usr/bin/env python3; without such a line by /bin/sh. Its file is removed afterwards. The script reads nothing: its standard input is empty."
    ),
    gettext_noop(
        "With a filter, the last lines that hold that text. The filter is plain text: no character in it has a special meaning."
    ),
)
