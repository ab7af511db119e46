"""The table of verbs: name, one line of help, the module that has its ``COMMAND``. Nothing here imports a verb."""

from __future__ import annotations


class Verb:
    """``module`` is below ``corral.cli``; ``names`` are all the ways to call it, shown as its aliases."""

    __slots__ = ("module", "names", "summary")

    def __init__(self, module: str, summary: str, *names: str) -> None:
        self.module = module
        self.summary = summary
        self.names = names


class Group:
    """A management command: verbs by name, other names for some of them."""

    __slots__ = ("aliases", "summary", "verbs")

    def __init__(self, summary: str, verbs: dict[str, Verb], aliases: dict[str, str] | None = None) -> None:
        self.summary = summary
        self.verbs = verbs
        self.aliases = aliases or {}

    def find(self, name: str) -> tuple[str, Verb] | None:
        """The verb's proper name and the verb."""
        name = self.aliases.get(name, name)
        return (name, self.verbs[name]) if name in self.verbs else None


def _container(name: str, summary: str) -> Verb:
    return Verb(f"container.{name}", summary, f"container {name}", name)


def _image(name: str, module: str, summary: str) -> Verb:
    return Verb(f"image.{module}", summary, f"image {name}", name)


CONTAINER = Group(
    "Manage containers",
    {
        "attach": _container("attach", "Attach local standard input, output, and error streams to a running container"),
        "commit": _container("commit", "Create a new image from a container's changes"),
        "cp": _container("cp", "Copy files/folders between a container and the local filesystem"),
        "create": _container("create", "Create a new container"),
        "diff": _container("diff", "Inspect changes to files or directories on a container's filesystem"),
        "exec": _container("exec", "Execute a command in a running container"),
        "export": _container("export", "Export a container's filesystem as a tar archive"),
        "inspect": Verb("container.inspect", "Display detailed information on one or more containers"),
        "kill": _container("kill", "Kill one or more running containers"),
        "logs": _container("logs", "Fetch the logs of a container"),
        "ls": Verb("container.ls", "List containers", "container ls", "container list", "container ps", "ps"),
        "pause": _container("pause", "Pause all processes within one or more containers"),
        "port": _container("port", "List port mappings or a specific mapping for the container"),
        "prune": Verb("container.prune", "Remove all stopped containers"),
        "rename": _container("rename", "Rename a container"),
        "restart": _container("restart", "Restart one or more containers"),
        "rm": Verb("container.rm", "Remove one or more containers", "container rm", "container remove", "rm"),
        "run": _container("run", "Create and run a new container from an image"),
        "start": _container("start", "Start one or more stopped containers"),
        "stats": _container("stats", "Display a live stream of container(s) resource usage statistics"),
        "stop": _container("stop", "Stop one or more running containers"),
        "top": _container("top", "Display the running processes of a container"),
        "unpause": _container("unpause", "Unpause all processes within one or more containers"),
        "update": _container("update", "Update configuration of one or more containers"),
        "wait": _container("wait", "Block until one or more containers stop, then print their exit codes"),
    },
    {"list": "ls", "ps": "ls", "remove": "rm"},
)

IMAGE = Group(
    "Manage images",
    {
        "bootstrap": Verb("image.bootstrap", "Make a base image on this machine, without a registry"),
        "history": _image("history", "history", "Show the history of an image"),
        "import": _image("import", "import_", "Import the contents from a tarball to create a filesystem image"),
        "inspect": Verb("image.inspect", "Display detailed information on one or more images"),
        "load": _image("load", "load", "Load an image from a tar archive or STDIN"),
        "ls": Verb("image.ls", "List images", "image ls", "image list", "images"),
        "prune": Verb("image.prune", "Remove unused images"),
        "pull": _image("pull", "pull", "Download an image from a registry"),
        "push": _image("push", "push", "Upload an image to a registry"),
        "rm": Verb("image.rm", "Remove one or more images", "image rm", "image remove", "rmi"),
        "save": _image("save", "save", "Save one or more images to a tar archive (streamed to STDOUT by default)"),
        "tag": _image("tag", "tag", "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE"),
    },
    {"list": "ls", "remove": "rm"},
)

NETWORK = Group(
    "Manage networks",
    {
        "inspect": Verb("network.inspect", "Display detailed information on one or more networks"),
        "ls": Verb("network.ls", "List networks", "network ls", "network list"),
    },
    {"list": "ls"},
)

REGISTRY = Group(
    "Manage the embedded registry",
    {
        "gc": Verb("registry.gc", "Remove what no repository of a registry refers to"),
        "htpasswd": Verb("registry.htpasswd", "Print a line for a registry's file of users"),
        "serve": Verb("registry.serve", "Run a registry in the foreground"),
    },
)

SYSTEM = Group(
    "Manage corral",
    {
        "cgroups": Verb("system.cgroups", "Show where control groups are", "system cgroups", "cgroups"),
        "df": Verb("system.df", "Show corral disk usage"),
        "dial-stdio": Verb("system.dial_stdio", "Proxy the stdio stream to the daemon connection"),
        "events": Verb("system.events", "Get real time events from the server", "system events", "events"),
        "info": Verb("system.info", "Display system-wide information", "system info", "info"),
        "ns": Verb("system.ns", "Show which containers share which namespaces", "system ns", "ns"),
    },
)

VOLUME = Group(
    "Manage volumes",
    {
        "create": Verb("volume.create", "Create a volume"),
        "inspect": Verb("volume.inspect", "Display detailed information on one or more volumes"),
        "ls": Verb("volume.ls", "List volumes", "volume ls", "volume list"),
        "prune": Verb("volume.prune", "Remove unused local volumes"),
        "rm": Verb("volume.rm", "Remove one or more volumes", "volume rm", "volume remove"),
    },
    {"list": "ls", "remove": "rm"},
)

GROUPS = {
    "container": CONTAINER,
    "image": IMAGE,
    "network": NETWORK,
    "registry": REGISTRY,
    "system": SYSTEM,
    "volume": VOLUME,
}

COMMON = {
    "run": CONTAINER.verbs["run"],
    "exec": CONTAINER.verbs["exec"],
    "ps": CONTAINER.verbs["ls"],
    "pull": IMAGE.verbs["pull"],
    "push": IMAGE.verbs["push"],
    "images": IMAGE.verbs["ls"],
    "login": Verb("login", "Authenticate to a registry"),
    "logout": Verb("logout", "Log out from a registry"),
    "search": Verb("search", "Search Docker Hub for images"),
    "version": Verb("system.version", "Show the corral version information"),
    "info": SYSTEM.verbs["info"],
}

OTHERS = {
    "attach": CONTAINER.verbs["attach"],
    "cgroups": SYSTEM.verbs["cgroups"],
    "commit": CONTAINER.verbs["commit"],
    "cp": CONTAINER.verbs["cp"],
    "create": CONTAINER.verbs["create"],
    "daemon": Verb("daemon", "Run the daemon in the foreground (corrald)"),
    "diff": CONTAINER.verbs["diff"],
    "events": SYSTEM.verbs["events"],
    "export": CONTAINER.verbs["export"],
    "history": IMAGE.verbs["history"],
    "import": IMAGE.verbs["import"],
    "inspect": Verb("inspect", "Return low-level information on corral objects"),
    "kill": CONTAINER.verbs["kill"],
    "load": IMAGE.verbs["load"],
    "logs": CONTAINER.verbs["logs"],
    "ns": SYSTEM.verbs["ns"],
    "pause": CONTAINER.verbs["pause"],
    "port": CONTAINER.verbs["port"],
    "rename": CONTAINER.verbs["rename"],
    "restart": CONTAINER.verbs["restart"],
    "rm": CONTAINER.verbs["rm"],
    "rmi": IMAGE.verbs["rm"],
    "save": IMAGE.verbs["save"],
    "start": CONTAINER.verbs["start"],
    "stats": CONTAINER.verbs["stats"],
    "stop": CONTAINER.verbs["stop"],
    "tag": IMAGE.verbs["tag"],
    "top": CONTAINER.verbs["top"],
    "unpause": CONTAINER.verbs["unpause"],
    "update": CONTAINER.verbs["update"],
    "wait": CONTAINER.verbs["wait"],
}

VERBS = COMMON | OTHERS
HIDDEN = frozenset({"dial-stdio"})
