%% Who has streams of a port: each client process with the numbers of its streams, by the names that
%% it has for them, and one monitor for all of them. It is its owner's, whose monitors these are: it
%% is sent {gwport_down, _, process, Pid, _}.
%%
%% The monitor of a client that comes again, as a connection does, is kept between its streams,
%% until two sweeps have found it without one.
%% @hidden
-module(gwport_clients).

-export([new/0, add/4, remove/2, find/2, down/2, sweep/1]).

-export_type([clients/0, stay/0, name/0]).

%% What a client calls a stream of its own.
-type name() :: {pid(), reference()}.
%% Whether a process has one stream in its life.
-type stay() :: once | stays.

-record(client, {
    monitor :: reference(),
    stay :: stay(),
    streams :: #{reference() => gwport_frame:stream()},
    %% How many sweeps have found no stream.
    idle = 0 :: 0..1
}).
-opaque clients() :: #{pid() => #client{}}.

-spec new() -> clients().
new() ->
    #{}.

-spec add(name(), stay(), gwport_frame:stream(), clients()) -> clients().
add({Pid, Ref}, Stay, Stream, Clients) ->
    case Clients of
        #{Pid := Client = #client{streams = Streams}} ->
            Clients#{Pid := Client#client{streams = Streams#{Ref => Stream}, idle = 0}};
        #{} ->
            Monitor = erlang:monitor(process, Pid, [{tag, gwport_down}]),
            Clients#{Pid => #client{monitor = Monitor, stay = Stay, streams = #{Ref => Stream}}}
    end.

%% The stream is over.
-spec remove(name(), clients()) -> clients().
remove({Pid, Ref}, Clients) ->
    case Clients of
        #{Pid := #client{stay = once, streams = Streams, monitor = Monitor}}
                when map_size(Streams) =:= 1, is_map_key(Ref, Streams) ->
            forget(Pid, Monitor, Clients);
        #{Pid := Client = #client{streams = Streams}} ->
            Clients#{Pid := Client#client{streams = maps:remove(Ref, Streams)}};
        #{} ->
            Clients
    end.

-spec find(name(), clients()) -> {ok, gwport_frame:stream()} | none.
find({Pid, Ref}, Clients) ->
    case Clients of
        #{Pid := #client{streams = #{Ref := Stream}}} -> {ok, Stream};
        #{} -> none
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
        {#client{streams = Streams}, Rest} -> {maps:values(Streams), Rest};
        error -> {[], Clients}
    end.

-spec sweep(clients()) -> clients().
sweep(Clients) ->
    maps:fold(fun sweep/3, Clients, Clients).

sweep(Pid, #client{streams = Streams, idle = 1, monitor = Monitor}, Clients)
        when map_size(Streams) =:= 0 ->
    forget(Pid, Monitor, Clients);
sweep(Pid, Client = #client{streams = Streams}, Clients) when map_size(Streams) =:= 0 ->
    Clients#{Pid := Client#client{idle = 1}};
sweep(_, _, Clients) ->
    Clients.
