%% Who has streams of a port: each client process with the numbers of its streams, and one monitor
%% for all of them. It is its owner's, whose monitors these are: it is sent
%% {gwport_down, _, process, Pid, _}.
%%
%% The monitor of a client that comes again, as a connection does, is kept between its streams,
%% until two sweeps have found it without one.
-module(gwport_clients).

-export([new/0, add/3, remove/3, down/2, sweep/1]).

-export_type([clients/0, stay/0]).

%% Whether a process has one stream in its life.
-type stay() :: once | stays.

-record(client, {
    monitor :: reference(),
    stay :: stay(),
    streams = [] :: [gwport_frame:stream()],
    %% How many sweeps have found no stream.
    idle = 0 :: 0..1
}).
-opaque clients() :: #{pid() => #client{}}.

-spec new() -> clients().
new() ->
    #{}.

-spec add({pid(), stay()}, gwport_frame:stream(), clients()) -> clients().
add({Pid, Stay}, Stream, Clients) ->
    case Clients of
        #{Pid := Client = #client{streams = Streams}} ->
            Clients#{Pid := Client#client{streams = [Stream | Streams], idle = 0}};
        #{} ->
            Monitor = erlang:monitor(process, Pid, [{tag, gwport_down}]),
            Clients#{Pid => #client{monitor = Monitor, stay = Stay, streams = [Stream]}}
    end.

%% The stream is over.
-spec remove(pid(), gwport_frame:stream(), clients()) -> clients().
remove(Pid, Stream, Clients) ->
    case Clients of
        #{Pid := #client{stay = once, streams = [Stream], monitor = Monitor}} ->
            forget(Pid, Monitor, Clients);
        #{Pid := Client = #client{streams = Streams}} ->
            Clients#{Pid := Client#client{streams = lists:delete(Stream, Streams)}};
        #{} ->
            Clients
    end.

%% Not flushed, which would look through all that waits for the owner: a client that is down when it
%% is not here any more has no stream.
forget(Pid, Monitor, Clients) ->
    true = erlang:demonitor(Monitor),
    maps:remove(Pid, Clients).

%% The client is gone: its streams.
-spec down(pid(), clients()) -> {[gwport_frame:stream()], clients()}.
down(Pid, Clients) ->
    case maps:take(Pid, Clients) of
        {#client{streams = Streams}, Rest} -> {Streams, Rest};
        error -> {[], Clients}
    end.

-spec sweep(clients()) -> clients().
sweep(Clients) ->
    maps:fold(fun sweep/3, Clients, Clients).

sweep(Pid, #client{streams = [], idle = 1, monitor = Monitor}, Clients) ->
    forget(Pid, Monitor, Clients);
sweep(Pid, Client = #client{streams = []}, Clients) ->
    Clients#{Pid := Client#client{idle = 1}};
sweep(_, _, Clients) ->
    Clients.
