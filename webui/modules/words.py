"""The texts of the modules that ship with OMServer, so that translators find them.

A module file imports nothing but the sdk, so its title, help and field texts are listed here once more; a test holds
them against the files. A person's own modules are shown in their author's language.
"""

# ruff: noqa: E501  # a paragraph of a module's help is one text
from django.utils.translation import gettext_noop, pgettext_lazy

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
    gettext_noop("Fetch a file from servers"),
    gettext_noop("Put a file on servers"),
    gettext_noop("Synchronise an application's file, then run its command"),
    gettext_noop("Show an application's configuration"),
    gettext_noop("Show whether services run"),
    gettext_noop("Show which packages are installed, with their versions"),
    gettext_noop("Show which packages have an update"),
    gettext_noop("Set up, lock or remove a user account"),
    gettext_noop("Add or remove an SSH key"),
    gettext_noop("Set or remove a cron entry"),
    gettext_noop("Show the processes that use most"),
    gettext_noop("End processes by name"),
    gettext_noop("Check a TCP port, as the servers see it"),
    gettext_noop("Ask for a web page, as the servers see it"),
    gettext_noop("Delete old files under a folder"),
    gettext_noop("Reboot the servers and wait until they are back"),
    gettext_noop("Gather facts of a server for the inventory"),
    gettext_noop("Run an Ansible playbook from the master's folder"),
    gettext_noop("Apply a Salt state, or the highstate"),
    gettext_noop("accounts"),
    gettext_noop("scheduling"),
    gettext_noop("processes"),
    gettext_noop("network"),
    gettext_noop("automation"),
    gettext_noop("Limit"),
    gettext_noop("File"),
    gettext_noop("Mode"),
    gettext_noop("Owner"),
    gettext_noop("Group"),
    gettext_noop("Backup"),
    gettext_noop("Restore"),
    gettext_noop("Comments"),
    gettext_noop("Secrets"),
    gettext_noop("Services"),
    gettext_noop("Name"),
    gettext_noop("Fail"),
    gettext_noop("Shell"),
    gettext_noop("Comment"),
    gettext_noop("Remove home"),
    gettext_noop("System account"),
    gettext_noop("Account"),
    gettext_noop("Place"),
    gettext_noop("Schedule"),
    gettext_noop("Pid"),
    gettext_noop("Wait"),
    gettext_noop("Kill"),
    gettext_noop("At most"),
    gettext_noop("Port"),
    gettext_noop("What"),
    gettext_noop("Host"),
    gettext_noop("Within"),
    gettext_noop("Url"),
    gettext_noop("Status"),
    gettext_noop("Contains"),
    gettext_noop("Insecure"),
    gettext_noop("Folder"),
    gettext_noop("Older than"),
    gettext_noop("Most files"),
    gettext_noop("Most size"),
    gettext_noop("Larger than"),
    gettext_noop("Playbook"),
    gettext_noop("Variables"),
    gettext_noop("Pillar"),
    gettext_noop("seconds"),
    gettext_noop("days"),
    gettext_noop("The largest file that is fetched."),
    gettext_noop("What to put there."),
    gettext_noop("Where, with the file's name."),
    gettext_noop("For example 0644."),
    gettext_noop("The account that it belongs to."),
    gettext_noop("The group that it belongs to."),
    gettext_noop("Keep a file that is replaced beside it, as NAME.DATE-TIME.bak."),
    gettext_noop("Where the application reads it."),
    gettext_noop("What follows, read by /bin/sh; empty for nothing."),
    gettext_noop("Run it where the file changed, or always."),
    gettext_noop("Put the file before back where the command fails; a new one is removed."),
    gettext_noop("Full path; * and ? stand for any characters."),
    gettext_noop("Show comments and empty lines, too."),
    gettext_noop("Show passwords and keys as well; they are stored with the task."),
    gettext_noop("Unit names, one a line, for example nginx. None: those that have failed."),
    gettext_noop("A package's name or a glob, for example openssl or lib*ssl*. Empty: all of them."),
    gettext_noop("Which updates, while they are not installed, mark a server as failed."),
    gettext_noop("The account's name."),
    gettext_noop("What the account shall be."),
    gettext_noop("Groups that it shall be in, one a line; it stays in its others."),
    gettext_noop("For example /bin/bash."),
    gettext_noop("Home folder of a new account; that of an existing one is not moved."),
    gettext_noop("The person's name."),
    gettext_noop("Delete the home folder, too."),
    gettext_noop("Allow accounts of the system (uid below 1000), but never uid 0."),
    gettext_noop("The account that the key opens."),
    gettext_noop("The public key, as it stands in a .pub file: ssh-ed25519 AAAA... and perhaps a comment."),
    gettext_noop("present lets the key in; absent takes it out."),
    gettext_noop("The entry's name, for example nightly-backup."),
    gettext_noop("absent takes the entry out."),
    gettext_noop("/etc/cron.d takes root; the account's own crontab works without."),
    gettext_noop("The account that it runs as."),
    gettext_noop("Minute, hour, day, month, weekday, for example 30 2 * * mon-fri; or @hourly, @daily, @reboot ..."),
    # xgettext:no-python-format
    gettext_noop("One line, run by /bin/sh. A % reaches it as it is."),
    gettext_noop("What they are sorted by."),
    gettext_noop("Only command lines that hold this text."),
    gettext_noop("Only processes of this account."),
    gettext_noop("The exact name, as ps -e shows it, for example nginx. No pattern: * is a star."),
    gettext_noop("Only this process, if it has that name."),
    gettext_noop("Before one that is still there is killed."),
    gettext_noop("Kill (KILL) what does not end by itself."),
    gettext_noop("Where more match on a server, nothing is done."),
    gettext_noop("TCP port."),
    gettext_noop("Connect to a host, or look who listens on the servers themselves."),
    gettext_noop("Name or address to connect to, for example db.example.org."),
    gettext_noop("Longer is a failure."),
    gettext_noop("For example http://localhost:8080/health. No account and password in it: command lines are seen."),
    gettext_noop("The status that is expected."),
    gettext_noop("Text that the page must hold, as it is."),
    gettext_noop("Take any certificate."),
    gettext_noop("Full path, for example /var/log/myapp. Folders in it are searched, too."),
    gettext_noop("By the time of the last change of the content."),
    gettext_noop("More than these: nothing is deleted."),
    gettext_noop("More than this: nothing is deleted."),
    gettext_noop("Only files of this name; * ? [ ] as in a shell, for example *.log.gz"),
    gettext_noop("Only larger files; 0: of any size."),
    gettext_noop("To be back, counted from the order."),
    gettext_noop("Its path in the master's playbook folder."),
    gettext_noop(
        "One a line: name=text, or name:=json for numbers, true and false, and lists. {{ }} in a value stays text."
    ),
    gettext_noop("Empty applies the highstate: all that the Salt master's top file gives a server."),
    gettext_noop("Values for the state, one a line: name=text, or name:=json for numbers, true and false, and lists."),
    gettext_noop("write a full path without '..' that names a file"),
    gettext_noop("write it in digits, for example 0644"),
    gettext_noop("write the name or the number of an account"),
    gettext_noop("write letters, digits and . _ @ : - only"),
    gettext_noop("write letters, digits, . + _ : @ - and the glob characters * ? [ ]"),
    gettext_noop("write small letters, digits, _ and -, at most 32"),
    gettext_noop("write group names"),
    gettext_noop("write a full path"),
    gettext_noop("write one line without colon and comma"),
    gettext_noop("write an account's name"),
    gettext_noop("write one line, as it stands in a .pub file"),
    gettext_noop("write letters, digits, _ and -"),
    gettext_noop("write five fields of cron, for example 30 2 * * mon-fri"),
    gettext_noop("write one line of at most 900 characters"),
    gettext_noop("write one line"),
    gettext_noop("write the program's name without folders"),
    gettext_noop("write a host name or an address"),
    gettext_noop("write http:// or https://, a host and a path, without spaces or quotes and without a password"),
    gettext_noop("write a full path without . .. and //"),
    gettext_noop("write a name or a glob, without folders"),
    gettext_noop("a .yml or .yaml file of the playbook folder"),
    gettext_noop("names of state files, for example web.nginx, joined by commas"),
    gettext_noop(
        "The task's page offers all of them as one archive, HOST/NAME; each server's page its own. A file above the limit is not fetched."
    ),
    gettext_noop(
        "The server's own package system (apt, dnf, apk, ...) is asked for each, by Ansible or Salt: present installs what is missing, latest brings it up to date, absent removes it. Repeating it is safe: what is as wanted already is left alone. The server's package lists are taken as they are. A dry run says what would change and changes nothing."
    ),
    gettext_noop(
        "The file is uploaded in the form. It arrives whole or not at all: its checksum is compared on each server before it takes the old one's place. A file that is there keeps its mode, owner and group where none is given; a new one gets 0644. An account that may not give files away leaves it with itself as owner, and the result says so."
    ),
    gettext_noop(
        "The file that was there stays beside the new one as NAME.DATE-TIME.bak. Where the file changed, the command follows, for example nginx -t && systemctl reload nginx; where that fails, the file before is put back, and a new file is removed. Where the file stays, a repetition runs the command again until it has ended well."
    ),
    gettext_noop(
        "One file, or several by a pattern such as /etc/nginx/conf.d/*.conf. The values of what looks like a password, a token or a key are masked on the server, before they travel; this goes by the names beside them, so look twice before you share it."
    ),
    gettext_noop(
        "One line for each: name, state, and whether it starts by itself at boot. A server where one of them does not run is marked as failed. Without names, the services that have failed are listed. By systemd, or where that does not run, by `service`."
    ),
    gettext_noop(
        "One line each, sorted by name: name, version, architecture. Read from the server's own package system (dpkg, rpm, apk or pacman); nothing is refreshed and nothing is changed."
    ),
    gettext_noop(
        "One line each: name, version now, version to come, and \"security\" where the distribution says that the update is one (apt, dnf and yum do; apk and zypper do not). Nothing is installed. With apt and apk it is what the server's package lists say as they are; where apt's are older than a week, that is said."
    ),
    gettext_noop(
        "present makes the account or changes what you fill in; locked closes every way in and unlocked opens it again (the account's expiry; password and keys stay as they are); absent removes it. Root, and the account that this task itself uses, are never touched. Done by Ansible's or Salt's own module; a dry run says what would change."
    ),
    gettext_noop(
        "The key is added to or taken out of an account's ~/.ssh/authorized_keys; other lines stay as they are. All of it is done by the account itself, so that owner and modes are right and a link that its owner laid leads nowhere new. Repeating it is safe. A dry run says what would change."
    ),
    gettext_noop(
        "The name finds the entry again, so that repeating this changes nothing and another schedule or command replaces it. It stands in a file of its own under /etc/cron.d, or between two comment lines in an account's crontab; what others wrote there stays as it is. A dry run says what would change."
    ),
    gettext_noop(
        # xgettext:no-python-format
        "Processor time is measured over one second, not over a process' whole life: 100 % is one processor. Memory is what lies in RAM. With a filter, only processes whose command line holds that text; no character in it has a special meaning."
    ),
    gettext_noop(
        "Each that matches is asked to end (TERM) and, where it is still there after the wait, killed (KILL). Process 1, kernel threads and what this task itself runs under are never touched. With a process number, only that one, and only while it has this name. Where more match than allowed, nothing is done. A dry run lists what would be ended."
    ),
    gettext_noop(
        "Reach: can each server open a connection to a host, and how long does that take (the seconds of its result)? Nothing is sent. Listen: which program listens on this port of the server itself? Each uses what the server has: python3, bash, curl or nc."
    ),
    gettext_noop(
        "Each server fetches the URL itself and says whether the status and the text are as expected; how long it took is the seconds of its result. A redirect is not followed: it is an answer with a status of its own. Each uses what the server has: curl, python3 or wget. Proxies of the environment are not used."
    ),
    gettext_noop(
        "Only plain files on that folder's own file system, older than so many days, of a name, perhaps of a size. Links are never followed and folders stay. Where there are more files, or more bytes, than you allow, nothing is deleted. The system's own folders are refused. A dry run lists what would go and its sum: run it first."
    ),
    gettext_noop(
        "A server is back when it answers and its boot id is another one: an answer alone may come from before the reboot. How long it took is the seconds of its result. A server that is not back in time is a timeout; one that still runs as before has failed. Use waves, so that not everything is down at once. A dry run says whether the reboot could be ordered."
    ),
    gettext_noop(
        "System, kernel, processors, memory, disks, addresses, kind of machine and package system, as the server tells them. They are kept and shown on the server's page."
    ),
    gettext_noop(
        "The playbooks are files on the master (engines.ansible.playbooks). Each server's result has its tasks in order, and where one failed that task's name and message. A dry run is Ansible's own --check: it shows what would change."
    ),
    gettext_noop(
        "The state files are the Salt master's. Each server's result lists its states with what they changed. A dry run is Salt's own test=True: it shows what would change and changes nothing."
    ),
)

# Labels that mean another thing on our own pages; webui.forms.label_of asks for them first.
LABELS = (
    pgettext_lazy("parameter", "By"),
    pgettext_lazy("parameter", "Count"),
    pgettext_lazy("parameter", "Groups"),
    pgettext_lazy("parameter", "Home"),
    pgettext_lazy("parameter", "Key"),
    pgettext_lazy("parameter", "When"),
)
