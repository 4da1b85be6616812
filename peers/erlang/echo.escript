#!/usr/bin/env escript
%% gen_tcp with a packet option: echo.escript NAME PORT
-mode(compile).

main([Name, Port]) ->
    Options = [binary, {active, false}, {reuseaddr, true}, {backlog, 1024}, {ip, {127, 0, 0, 1}},
               {nodelay, true}, {exit_on_close, false} | options(Name)],
    {ok, Listener} = gen_tcp:listen(list_to_integer(Port), Options),
    accept(Listener).

options("raw") -> [{packet, raw}];
options("line") -> [{packet, line}, {recbuf, 1 bsl 20}, {buffer, 1 bsl 20}];
options("line-small") -> [{packet, line}, {buffer, 1024}];
options("tpkt") -> [{packet, tpkt}];
options("sunrm") -> [{packet, sunrm}];
options("packet-" ++ Size) -> [{packet, list_to_integer(Size)}].

accept(Listener) ->
    {ok, Socket} = gen_tcp:accept(Listener),
    Pid = spawn(fun() -> receive go -> echo(Socket) end end),
    ok = gen_tcp:controlling_process(Socket, Pid),
    Pid ! go,
    accept(Listener).

echo(Socket) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, Data} ->
            case gen_tcp:send(Socket, Data) of
                ok -> echo(Socket);
                _ -> gen_tcp:close(Socket)
            end;
        _ -> gen_tcp:close(Socket)
    end.
